//! PURE: a document as PDF: A4, as many pages as its lines need. The same document gives the
//! same bytes.

mod letters;

use crate::billing::pdf::letters::{Letters, fitted, width};
use crate::money::month::{Month, day};
use crate::money::statement::{Kind, Line};
use crate::money::{Currency, count_shown};
use crate::records::invoices::Invoice;
use pdf_writer::{Content, Finish, Name, Pdf, Rect, Ref, Str, TextStr};

/// A4 in points.
const PAGE: (f32, f32) = (595.0, 842.0);
const LEFT: f32 = 56.0;
const RIGHT: f32 = 539.0;
/// Who asks, and what is known of the document.
const FACTS_X: f32 = 350.0;
/// Where the lines of the first page and of all others begin.
const FIRST_TABLE_Y: f32 = 500.0;
const NEXT_TABLE_Y: f32 = 760.0;
/// Below it there are no lines; the sum still fits.
const TABLE_END_Y: f32 = 130.0;
const ROW: f32 = 20.0;
const FOOT_Y: f32 = 52.0;
const SMALL: f32 = 8.5;
const TEXT: f32 = 9.5;
/// Right ends of the columns of numbers.
const COUNT_X: f32 = 390.0;
const PRICE_X: f32 = 455.0;
const KIND_X: f32 = 220.0;
/// What is less important is gray.
const GRAY: f32 = 0.42;
const REGULAR: Name<'static> = Name(b"F1");
const BOLD: Name<'static> = Name(b"F2");

/// Lines of addresses that fit.
const ADDRESS_LINES_MAX: usize = 8;

/// The document as PDF.
#[must_use]
pub fn pdf(invoice: &Invoice, lines: &[Line]) -> Vec<u8> {
    let mut sheets = Sheets::default();
    sheets.add_page();
    head(&mut sheets, invoice);
    table(&mut sheets, invoice, lines);
    sheets.finish(invoice)
}

/// Pages in the making.
#[derive(Default)]
struct Sheets {
    pages: Vec<Content>,
    letters: Letters,
}

/// Where and how a text stands.
#[derive(Clone, Copy)]
struct Style {
    font: Name<'static>,
    size: f32,
    gray: f32,
}

const PLAIN: Style = Style {
    font: REGULAR,
    size: TEXT,
    gray: 0.1,
};
const STRONG: Style = Style {
    font: BOLD,
    ..PLAIN
};
const QUIET: Style = Style {
    size: SMALL,
    gray: GRAY,
    ..PLAIN
};

impl Sheets {
    fn add_page(&mut self) {
        self.pages.push(Content::new());
    }

    fn page(&mut self) -> &mut Content {
        self.pages.last_mut().expect("a page was added first")
    }

    fn text(&mut self, (x, y): (f32, f32), style: Style, text: &str) {
        let codes = self.letters.encode(text);
        let page = self.page();
        page.set_fill_gray(style.gray);
        page.begin_text();
        page.set_font(style.font, style.size);
        page.next_line(x, y);
        page.show(Str(&codes));
        page.end_text();
    }

    /// Ends at `x`.
    fn text_to(&mut self, (x, y): (f32, f32), style: Style, text: &str) {
        self.text((x - width(text, style.size), y), style, text);
    }

    fn rule(&mut self, y: f32, gray: f32) {
        let page = self.page();
        page.set_stroke_gray(gray);
        page.set_line_width(0.7);
        page.move_to(LEFT, y);
        page.line_to(RIGHT, y);
        page.stroke();
    }

    fn finish(mut self, invoice: &Invoice) -> Vec<u8> {
        let count = self.pages.len();
        let foot = format!("{} No. {}", invoice.kind.label(), invoice.number);
        for number in 1..=count {
            let place = format!("Page {number} of {count}");
            self.pages.rotate_left(1); // the last is the one that is written on
            self.rule(FOOT_Y + 16.0, 0.8);
            self.text((LEFT, FOOT_Y), QUIET, &foot);
            self.text_to((RIGHT, FOOT_Y), QUIET, &place);
        }
        write(self.pages, &self.letters, &foot)
    }
}

/// Title, numbers, who asks whom.
fn head(sheets: &mut Sheets, invoice: &Invoice) {
    let title = Style {
        font: BOLD,
        size: 24.0,
        gray: 0.1,
    };
    sheets.text((LEFT, 768.0), title, invoice.kind.label());
    let mut y = 778.0;
    for (place, line) in invoice.issuer.lines().take(ADDRESS_LINES_MAX).enumerate() {
        let style = if place == 0 { STRONG } else { QUIET };
        let line = fitted(line, style.size, RIGHT - FACTS_X);
        sheets.text((FACTS_X, y), style, &line);
        y -= 13.0;
    }
    sheets.text((LEFT, 660.0), QUIET, "Billed to");
    let mut y = 644.0;
    for (place, line) in recipient(invoice).iter().enumerate() {
        let style = if place == 0 { STRONG } else { PLAIN };
        sheets.text((LEFT, y), style, &fitted(line, style.size, 260.0));
        y -= 14.0;
    }
    let mut facts = vec![
        ("Number", invoice.number.to_string()),
        ("Date", day(invoice.issued_ms)),
        ("For", period(invoice.month)),
    ];
    if invoice.kind == Kind::Invoice {
        facts.push(("Due", day(invoice.due_ms)));
    }
    facts.push(("Total", invoice.currency.shown(invoice.total_minor)));
    let mut y = 660.0;
    for (name, fact) in facts {
        sheets.text((FACTS_X, y), QUIET, name);
        let style = if name == "Total" { STRONG } else { PLAIN };
        sheets.text_to((RIGHT, y), style, &fact);
        y -= 17.0;
    }
}

/// `1 to 30 November 2026`.
fn period(month: Month) -> String {
    let last = month.last_day();
    format!("1 to {}", last.strftime("%-d %B %Y"))
}

fn recipient(invoice: &Invoice) -> Vec<String> {
    let it = &invoice.recipient;
    let name = if it.company.is_empty() {
        &it.team_name
    } else {
        &it.company
    };
    let tax_id = match &*it.tax_id {
        "" => String::new(),
        tax_id => format!("Tax id {tax_id}"),
    };
    let lines = [name, &it.contact_name].into_iter().map(String::as_str);
    let lines = lines
        .chain(it.address.lines())
        .chain([&*it.country, &*tax_id, &*it.contact_email]);
    lines
        .filter(|line| !line.trim().is_empty())
        .take(ADDRESS_LINES_MAX + 2)
        .map(str::to_owned)
        .collect()
}

fn table(sheets: &mut Sheets, invoice: &Invoice, lines: &[Line]) {
    let currency = &invoice.currency;
    let mut y = columns(sheets, FIRST_TABLE_Y, currency);
    for line in lines {
        if y < TABLE_END_Y {
            sheets.add_page();
            y = columns(sheets, NEXT_TABLE_Y, currency);
        }
        let project = match &*line.project {
            "" => "No project",
            name => name,
        };
        let project = match line.about {
            Some(number) => format!("{project} (invoice No. {number})"),
            None => project.to_owned(),
        };
        let project = fitted(&project, TEXT, KIND_X - LEFT - 12.0);
        let kind = fitted(&line.kind, TEXT, COUNT_X - KIND_X - 60.0);
        sheets.text((LEFT, y), PLAIN, &project);
        sheets.text((KIND_X, y), PLAIN, &kind);
        sheets.text_to((COUNT_X, y), PLAIN, &count_shown(line.count));
        if line.is_priced {
            let price = currency.in_column(line.unit_minor);
            sheets.text_to((PRICE_X, y), PLAIN, &price);
        } else {
            sheets.text_to((PRICE_X, y), QUIET, "no price");
        }
        let amount = currency.in_column(line.amount_minor);
        sheets.text_to((RIGHT, y), PLAIN, &amount);
        sheets.rule(y - 7.0, 0.9);
        y -= ROW;
    }
    y -= 8.0;
    sheets.text((KIND_X, y), STRONG, "Total");
    let total = currency.shown(invoice.total_minor);
    let style = Style {
        size: 12.0,
        ..STRONG
    };
    sheets.text_to((RIGHT, y), style, &total);
    let remark = match invoice.kind {
        Kind::Invoice => format!(
            "Please pay by {} and name invoice No. {}.",
            day(invoice.due_ms),
            invoice.number
        ),
        Kind::CreditNote => "This amount is credited to your account.".to_owned(),
    };
    sheets.text((LEFT, y - 30.0), QUIET, &remark);
}

/// The names of the columns; returns where the first row stands.
fn columns(sheets: &mut Sheets, y: f32, currency: &Currency) -> f32 {
    sheets.text((LEFT, y), QUIET, "Project");
    sheets.text((KIND_X, y), QUIET, "Type of task");
    let amount = format!("Amount, {currency}");
    for (x, name) in [(COUNT_X, "Tasks"), (PRICE_X, "Price"), (RIGHT, &*amount)] {
        sheets.text_to((x, y), QUIET, name);
    }
    sheets.rule(y - 7.0, 0.4);
    y - 7.0 - 16.0
}

fn write(pages: Vec<Content>, letters: &Letters, title: &str) -> Vec<u8> {
    let mut next = Ref::new(1);
    let (catalog, tree, info) = (next.bump(), next.bump(), next.bump());
    let fonts = [(REGULAR, "Helvetica"), (BOLD, "Helvetica-Bold")];
    let fonts = fonts.map(|(name, face)| (name, face, next.bump()));
    let mut pdf = Pdf::new();
    pdf.catalog(catalog).pages(tree).lang(TextStr("en"));
    pdf.document_info(info).title(TextStr(title));
    for (_, face, id) in fonts {
        let mut font = pdf.type1_font(id);
        font.base_font(Name(face.as_bytes()));
        let mut encoding = font.encoding_custom();
        encoding.base_encoding(Name(b"WinAnsiEncoding"));
        let mut differences = encoding.differences();
        for (code, name) in letters.given() {
            differences.consecutive(code, [Name(name.as_bytes())]);
        }
    }
    let mut kids = Vec::with_capacity(pages.len());
    for content in pages {
        let (page, text) = (next.bump(), next.bump());
        kids.push(page);
        let mut sheet = pdf.page(page);
        sheet.parent(tree);
        sheet.media_box(Rect::new(0.0, 0.0, PAGE.0, PAGE.1));
        sheet.contents(text);
        let mut resources = sheet.resources();
        let mut named = resources.fonts();
        for (name, _, id) in fonts {
            named.pair(name, id);
        }
        named.finish();
        resources.finish();
        sheet.finish();
        pdf.stream(text, &content.finish());
    }
    let count = i32::try_from(kids.len()).expect("an invoice has few pages");
    pdf.pages(tree).kids(kids).count(count);
    pdf.finish()
}
