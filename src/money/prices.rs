//! PURE: what one task costs. The price list has versions, each valid from a time on; a team's
//! own prices go before it. What was charged keeps its price, whatever the list becomes.

/// One entry of the price list, or of a team's own, for one type and currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offer {
    /// The version of the list that brought it.
    pub version: i64,
    /// Whether it is the team's own.
    pub is_own: bool,
    /// Minor units; none ends the entry: the team's falls back to the list, the list's to
    /// no price.
    pub unit_minor: Option<i64>,
    /// Valid from then on, milliseconds.
    pub from_ms: i64,
}

/// Where a price comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PricedBy {
    /// The price list.
    List,
    /// The team's own entry.
    Team,
    /// Nobody has set one: it costs nothing, and says so.
    Nothing,
    /// A contract outside of this program (teams that are billed by invoice).
    Contract,
}

impl PricedBy {
    const ALL: [Self; 4] = [Self::List, Self::Team, Self::Nothing, Self::Contract];

    /// As stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Team => "team",
            Self::Nothing => "nothing",
            Self::Contract => "contract",
        }
    }

    /// Reads [`PricedBy::as_str`]; what it did not write has no price.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let found = Self::ALL.into_iter().find(|by| by.as_str() == text);
        found.unwrap_or(Self::Nothing)
    }
}

/// What one task costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price {
    /// Who says so.
    pub by: PricedBy,
    /// In which version of the list; 0 where there is none.
    pub version: i64,
    /// Minor units.
    pub unit_minor: i64,
}

impl Price {
    /// Of a team whose contract is outside of this program.
    pub const CONTRACT: Self = Self {
        by: PricedBy::Contract,
        version: 0,
        unit_minor: 0,
    };
    /// Of what has no price.
    pub const NOTHING: Self = Self {
        by: PricedBy::Nothing,
        version: 0,
        unit_minor: 0,
    };
}

/// The price that is valid now: the team's own if it has one, else the list's, else nothing.
/// Of several valid entries the one that began last counts, and of those the newest version.
#[must_use]
pub fn valid(offers: &[Offer], now: i64) -> Price {
    let latest = |is_own: bool| {
        let begun = offers
            .iter()
            .filter(|offer| offer.is_own == is_own && offer.from_ms <= now);
        begun.max_by_key(|offer| (offer.from_ms, offer.version))
    };
    for (is_own, by) in [(true, PricedBy::Team), (false, PricedBy::List)] {
        if let Some(offer) = latest(is_own)
            && let Some(unit_minor) = offer.unit_minor
        {
            return Price {
                by,
                version: offer.version,
                unit_minor,
            };
        }
    }
    Price::NOTHING
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(version: i64, is_own: bool, unit_minor: Option<i64>, from_ms: i64) -> Offer {
        Offer {
            version,
            is_own,
            unit_minor,
            from_ms,
        }
    }

    #[test]
    fn the_teams_own_price_goes_before_the_list_and_the_last_begun_before_all() {
        let check = |offers: &[Offer], now: i64, by: PricedBy, unit: i64, version: i64| {
            let found = valid(offers, now);
            let expected = Price {
                by,
                version,
                unit_minor: unit,
            };
            assert_eq!(found, expected, "{offers:?} at {now}");
        };
        let list = [
            offer(1, false, Some(10), 100),
            offer(2, false, Some(20), 200),
        ];
        check(&[], 100, PricedBy::Nothing, 0, 0);
        check(&list, 99, PricedBy::Nothing, 0, 0);
        check(&list, 100, PricedBy::List, 10, 1);
        check(&list, 200, PricedBy::List, 20, 2);
        // A later version that begins earlier does not end one that begins later.
        let crossed = [
            offer(1, false, Some(10), 200),
            offer(2, false, Some(20), 100),
        ];
        check(&crossed, 150, PricedBy::List, 20, 2);
        check(&crossed, 200, PricedBy::List, 10, 1);
        let same = [
            offer(1, false, Some(10), 100),
            offer(2, false, Some(0), 100),
        ];
        check(&same, 100, PricedBy::List, 0, 2);
        let own = [list[0], list[1], offer(3, true, Some(5), 150)];
        check(&own, 149, PricedBy::List, 10, 1);
        check(&own, 300, PricedBy::Team, 5, 3);
        let ended = [own[0], own[1], own[2], offer(4, true, None, 400)];
        check(&ended, 400, PricedBy::List, 20, 2);
        check(
            &[list[0], offer(5, false, None, 300)],
            300,
            PricedBy::Nothing,
            0,
            0,
        );
    }

    #[test]
    fn where_a_price_comes_from_is_read_as_it_is_written() {
        for by in PricedBy::ALL {
            assert_eq!(PricedBy::parse(by.as_str()), by);
        }
    }
}
