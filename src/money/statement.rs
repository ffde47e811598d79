//! PURE: from what has accrued to documents. An invoice holds what was completed in its
//! statements, less what was taken back in them; what takes back a charge of an earlier
//! invoice goes onto a credit note. Nothing is lost between the two: their sums are the sum
//! of what accrued.

use crate::money::Currency;
use crate::money::prices::PricedBy;
use std::collections::{BTreeMap, BTreeSet};

/// One sum of what has accrued: charges less reversals of one kind within one statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accrual {
    /// The statement: a month and how often it was closed before, such as `2026-11/0`.
    pub statement: String,
    /// Whose statement's charges are taken back; none for charges, and for what takes back a
    /// charge of this same statement.
    pub about: Option<String>,
    /// What it is in.
    pub currency: Currency,
    /// The project; empty for none.
    pub project: String,
    /// The type of task.
    pub kind: String,
    /// Where the price comes from.
    pub priced_by: PricedBy,
    /// The price of one, minor units.
    pub unit_minor: i64,
    /// Charges less reversals.
    pub count: i64,
    /// Their sum, minor units.
    pub amount_minor: i64,
}

/// What a document is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Asks for money.
    Invoice,
    /// Takes back what earlier invoices asked for; its sum is negative.
    CreditNote,
}

impl Kind {
    /// As stored and in answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Invoice => "invoice",
            Self::CreditNote => "credit_note",
        }
    }

    /// As people read it.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Invoice => "Invoice",
            Self::CreditNote => "Credit note",
        }
    }

    /// Reads [`Kind::as_str`].
    #[must_use]
    pub fn parse(text: &str) -> Self {
        if text == Self::CreditNote.as_str() {
            Self::CreditNote
        } else {
            Self::Invoice
        }
    }
}

/// One line of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The project; empty for none.
    pub project: String,
    /// The type of task.
    pub kind: String,
    /// The price of one, minor units.
    pub unit_minor: i64,
    /// Whether anybody has set that price.
    pub is_priced: bool,
    /// How many; negative on a credit note.
    pub count: i64,
    /// Price times count.
    pub amount_minor: i64,
    /// On a credit note: the number of the invoice that asked for it.
    pub about: Option<i64>,
}

/// A document that has no number yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// What it is.
    pub kind: Kind,
    /// What it is in.
    pub currency: Currency,
    /// By project, then type.
    pub lines: Vec<Line>,
    /// The statements that it holds; a credit note holds none, the invoice beside it does.
    pub total_minor: i64,
}

/// What lines are summed by, and the order they stand in.
type Key = (Option<i64>, String, String, i64, bool);
/// Counts and amounts.
type Sums = BTreeMap<Key, (i64, i64)>;

/// What is asked for and what is given back, a document each and in each currency.
/// `number_of` tells the invoice that a statement is on. Where nothing costs anything there is
/// no document.
#[must_use]
pub fn documents(
    accruals: &[Accrual],
    number_of: impl Fn(&str, &Currency) -> Option<i64>,
) -> Vec<Draft> {
    let mut sums: BTreeMap<(&Currency, Kind), Sums> = BTreeMap::new();
    let held: BTreeSet<_> = accruals
        .iter()
        .map(|it| (&it.currency, it.statement.as_str()))
        .collect();
    let billed = |it: &&Accrual| it.priced_by != PricedBy::Contract;
    for accrual in accruals.iter().filter(billed) {
        let currency = &accrual.currency;
        let earlier = accrual.about.as_deref();
        let earlier = earlier.filter(|about| !held.contains(&(currency, *about)));
        let about = earlier.and_then(|about| number_of(about, currency));
        let kind = match earlier {
            Some(_) => Kind::CreditNote,
            None => Kind::Invoice,
        };
        let key = (
            about,
            accrual.project.clone(),
            accrual.kind.clone(),
            accrual.unit_minor,
            accrual.priced_by != PricedBy::Nothing,
        );
        let sum = sums.entry((currency, kind)).or_default();
        let (count, amount) = sum.entry(key).or_default();
        *count += accrual.count;
        *amount += accrual.amount_minor;
    }
    let drafts = sums
        .into_iter()
        .map(|((currency, kind), sums)| draft(kind, currency, sums));
    drafts
        .filter(|draft| draft.lines.iter().any(|line| line.amount_minor != 0))
        .collect()
}

fn draft(kind: Kind, currency: &Currency, sums: Sums) -> Draft {
    let lines: Vec<_> = sums
        .into_iter()
        .filter(|(_, (count, amount))| match kind {
            Kind::Invoice => *count != 0,
            // What cost nothing is nothing to give back, and may be on no invoice.
            Kind::CreditNote => *amount != 0,
        })
        .map(
            |((about, project, task, unit_minor, is_priced), (count, amount_minor))| Line {
                project,
                kind: task,
                unit_minor,
                is_priced,
                count,
                amount_minor,
                about,
            },
        )
        .collect();
    Draft {
        kind,
        currency: currency.clone(),
        total_minor: lines.iter().map(|line| line.amount_minor).sum(),
        lines,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn usd() -> Currency {
        Currency::parse("USD").unwrap()
    }

    fn accrual(statement: &str, about: Option<&str>, unit_minor: i64, count: i64) -> Accrual {
        Accrual {
            statement: statement.to_owned(),
            about: about.map(str::to_owned),
            currency: usd(),
            project: "kites".to_owned(),
            kind: "categorization".to_owned(),
            priced_by: if unit_minor == 0 {
                PricedBy::Nothing
            } else {
                PricedBy::List
            },
            unit_minor,
            count,
            amount_minor: unit_minor * count,
        }
    }

    #[test]
    fn what_one_statement_charges_and_takes_back_is_one_line() {
        let made = documents(
            &[
                accrual("2026-11/0", None, 25, 3),
                accrual("2026-10/1", None, 25, 2),
                accrual("2026-11/0", Some("2026-10/1"), 25, -1),
                accrual("2026-11/0", None, 0, 7),
            ],
            |_, _| None,
        );
        let [invoice] = &made[..] else {
            panic!("{made:?}")
        };
        assert_eq!((invoice.kind, invoice.total_minor), (Kind::Invoice, 100));
        let lines: Vec<_> = invoice
            .lines
            .iter()
            .map(|line| (line.unit_minor, line.count, line.is_priced))
            .collect();
        assert_eq!(lines, [(0, 7, false), (25, 4, true)]);
    }

    #[test]
    fn what_takes_back_an_earlier_charge_is_credited_with_its_invoices_number() {
        let number = |about: &str, _: &Currency| (about == "2026-09/0").then_some(4);
        let made = documents(
            &[
                accrual("2026-11/0", Some("2026-09/0"), 30, -2),
                accrual("2026-11/0", Some("2026-08/0"), 0, -1),
                accrual("2026-11/0", None, 25, 1),
            ],
            number,
        );
        let [invoice, credit] = &made[..] else {
            panic!("{made:?}")
        };
        assert_eq!(invoice.total_minor, 25);
        assert_eq!((credit.kind, credit.total_minor), (Kind::CreditNote, -60));
        let abouts: Vec<_> = credit.lines.iter().map(|line| line.about).collect();
        assert_eq!(abouts, [Some(4)]);
    }

    #[test]
    fn where_nothing_costs_anything_there_is_no_document() {
        assert!(documents(&[], |_, _| None).is_empty());
        assert!(documents(&[accrual("2026-11/0", None, 0, 9)], |_, _| None).is_empty());
        assert!(documents(&[accrual("2026-11/0", None, 25, 0)], |_, _| None).is_empty());
        let contract = Accrual {
            priced_by: PricedBy::Contract,
            ..accrual("2026-11/0", None, 0, 9)
        };
        assert!(documents(&[contract], |_, _| None).is_empty());
    }

    fn any_accrual() -> impl Strategy<Value = Accrual> {
        let about = prop::option::of(prop::sample::select(vec!["2026-08/0", "2026-10/0"]));
        let currency = prop::sample::select(vec!["USD", "EUR"]);
        (about, currency, 0..3_i64, -5..5_i64, "[ab]").prop_map(
            |(about, currency, unit, count, project)| Accrual {
                currency: Currency::parse(currency).unwrap(),
                project,
                ..accrual("2026-10/0", about, unit * 10, count)
            },
        )
    }

    proptest! {
        #[test]
        fn documents_sum_to_what_accrued(
            accruals in prop::collection::vec(any_accrual(), 0..30)
        ) {
            let made = documents(&accruals, |_, _| Some(1));
            for currency in ["USD", "EUR"].map(|text| Currency::parse(text).unwrap()) {
                let accrued: i64 = accruals
                    .iter()
                    .filter(|it| it.currency == currency)
                    .map(|it| it.amount_minor)
                    .sum();
                let asked: i64 = made
                    .iter()
                    .filter(|it| it.currency == currency)
                    .map(|it| it.total_minor)
                    .sum();
                prop_assert_eq!(asked, accrued);
            }
            for document in &made {
                for line in &document.lines {
                    prop_assert_eq!(line.amount_minor, line.unit_minor * line.count);
                }
            }
        }
    }
}
