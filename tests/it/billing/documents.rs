//! Documents as files: a PDF that a reader reads back, a table that a spreadsheet may open.

use super::{Team, month};
use crate::support::app::{TEAM, TestApp};
use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt;
use ringback::billing::{pdf, sheet};
use ringback::money::Currency;
use ringback::money::statement::{Kind, Line};
use ringback::records::invoices::{Invoice, Recipient};
use std::io::Write;
use std::process::{Command, Stdio};
use tower_service::Service;

/// What a reader of PDF reads, laid out as on the page.
fn read(pdf: &[u8]) -> String {
    let mut child = Command::new("pdftotext")
        .args(["-layout", "-enc", "UTF-8", "-", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("pdftotext is missing: install poppler-utils");
    child.stdin.take().unwrap().write_all(pdf).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

fn line(project: &str, count: i64, unit_minor: i64) -> Line {
    Line {
        project: project.to_owned(),
        kind: "imageannotation".to_owned(),
        unit_minor,
        is_priced: unit_minor != 0,
        count,
        amount_minor: count * unit_minor,
        about: None,
    }
}

fn invoice(kind: Kind, lines: &[Line]) -> Invoice {
    Invoice {
        number: 1042,
        team: TEAM.to_owned(),
        kind,
        month: month("2023-11"),
        currency: Currency::parse("EUR").unwrap(),
        total_minor: lines.iter().map(|line| line.amount_minor).sum(),
        issued_ms: 1_701_424_800_000,
        due_ms: 1_702_634_400_000,
        issuer: "Ringback Inc.\n12 Exchange Street\nDublin\nVAT IE1234567X".to_owned(),
        recipient: Recipient {
            team_name: "Kites".to_owned(),
            company: "Zażółć Gęślą Jaźń Sp. z o.o.".to_owned(),
            contact_name: "Łucja Müller-Nuñez".to_owned(),
            contact_email: "lucja@kites.test".to_owned(),
            address: "ul. Świętokrzyska 12\n00-001 Łódź".to_owned(),
            country: "PL".to_owned(),
            tax_id: "PL5261040828".to_owned(),
        },
        payment: None,
    }
}

#[test]
fn a_reader_reads_every_word_and_number_of_an_invoice() {
    let lines = [
        line("", 3, 150),
        line("Kites / crème brûlée – 2", 123_456, 99),
        line("free for all", 7, 0),
    ];
    let it = invoice(Kind::Invoice, &lines);
    let bytes = pdf::pdf(&it, &lines);
    assert_eq!(bytes, pdf::pdf(&it, &lines), "the same every time");
    let text = read(&bytes);
    for words in [
        "Invoice",
        "1042",
        "1 December 2023",
        "1 to 30 November 2023",
        "15 December 2023",
        "Ringback Inc.",
        "VAT IE1234567X",
        "Zażółć Gęślą Jaźń Sp. z o.o.",
        "Łucja Müller-Nuñez",
        "ul. Świętokrzyska 12",
        "00-001 Łódź",
        "Tax id PL5261040828",
        "No project",
        "Kites / crème brûlée – 2",
        "123,456",
        "122,221.44",
        "no price",
        "122,225.94 EUR",
        "Page 1 of 1",
    ] {
        assert!(text.contains(words), "{words:?} is missing:\n{text}");
    }
}

#[test]
fn a_long_invoice_has_as_many_pages_as_it_needs() {
    let lines: Vec<_> = (0..130)
        .map(|n| line(&format!("project-{n}"), 1, 100))
        .collect();
    let text = read(&pdf::pdf(&invoice(Kind::Invoice, &lines), &lines));
    let pages: Vec<_> = text
        .split('\u{c}')
        .filter(|page| !page.is_empty())
        .collect();
    assert!(pages.len() > 3, "{} pages", pages.len());
    for (n, page) in pages.iter().enumerate() {
        assert!(page.contains(&format!("Page {} of {}", n + 1, pages.len())));
        assert!(page.contains("Amount") && page.contains("No. 1042"));
    }
    for n in 0..130 {
        let found = text
            .lines()
            .filter(|line| line.contains(&format!("project-{n} ")));
        assert_eq!(found.count(), 1, "project-{n}");
    }
    assert!(pages.last().unwrap().contains("130.00 EUR"));
}

#[test]
fn a_credit_note_names_the_invoice_and_asks_for_nothing() {
    let lines = [Line {
        about: Some(1007),
        ..line("red", -2, 150)
    }];
    let text = read(&pdf::pdf(&invoice(Kind::CreditNote, &lines), &lines));
    for words in [
        "Credit note",
        "red (invoice No. 1007)",
        "-3.00 EUR",
        "credited",
    ] {
        assert!(text.contains(words), "{words:?} is missing:\n{text}");
    }
    assert!(!text.contains("Please pay") && !text.contains("Due"));
}

#[test]
fn hostile_names_make_no_hostile_files() {
    let long = "x".repeat(5000);
    let lines = [
        line("=HYPERLINK(\"http://evil.test\")", 1, 100),
        line("a,\"b\"\nc", 1, 100),
        line(") Tj ET (", 1, 100),
        line("日本 🪁", 1, 100),
        line(&long, 1, 100),
    ];
    let it = invoice(Kind::Invoice, &lines);
    let text = read(&pdf::pdf(&it, &lines));
    assert!(
        text.contains(") Tj ET (") && text.contains("5.00 EUR"),
        "{text}"
    );
    let table = sheet::csv(&it, &lines);
    let mut reader = csv::Reader::from_reader(&table[..]);
    let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
    let projects: Vec<_> = rows.iter().map(|row| &row[3]).collect();
    let expected = [
        "'=HYPERLINK(\"http://evil.test\")",
        "a,\"b\"\nc",
        ") Tj ET (",
        "日本 🪁",
        &long,
    ];
    assert_eq!(projects, expected);
}

#[tokio::test]
async fn a_manager_saves_an_invoice_as_a_file() {
    let app = TestApp::start().await;
    app.costs("", Some(25)).await;
    let team = Team::of(&app, TEAM).await;
    team.project("red kites").await;
    team.done("red kites", 3).await;
    app.next_month();
    app.close(month("2023-11")).await;
    let get = async |name: &str| {
        let request = Request::builder()
            .uri(format!("/account/v1/billing/invoices/{name}"))
            .header("authorization", format!("Bearer {}", team.manager))
            .body(Body::empty())
            .unwrap();
        let response = app.routes().call(request).await.unwrap();
        let (head, body) = response.into_parts();
        (head, body.collect().await.unwrap().to_bytes())
    };
    let (head, file) = get("1.pdf").await;
    assert_eq!(head.headers["content-type"], "application/pdf");
    assert_eq!(
        head.headers["content-disposition"],
        "attachment; filename=\"invoice-1.pdf\""
    );
    let text = read(&file);
    assert!(
        text.contains("red kites") && text.contains("0.75 USD"),
        "{text}"
    );
    let (head, file) = get("1.csv").await;
    assert_eq!(head.headers["content-type"], "text/csv; charset=utf-8");
    let table = String::from_utf8(file.to_vec()).unwrap();
    assert_eq!(
        table,
        "number,kind,month,project,type,count,price,amount,currency,about\n\
         1,invoice,2023-11,red kites,categorization,3,0.25,0.75,USD,\n"
    );
    for missing in ["2.pdf", "1.doc", "x", "0"] {
        assert_eq!(get(missing).await.0.status, 404, "{missing}");
    }
}
