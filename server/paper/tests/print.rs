//! What comes out when a document is printed, read with a library that did not write it.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use lopdf::{Document, Object};
use paper::{Block, Code, Column, Level, Numbering, Sheet, Table, Tone, print};
use proptest::prelude::*;

fn sheet(blocks: Vec<Block>) -> Sheet {
    Sheet {
        title: "Visita a la sucursal Ñuñoa".to_owned(),
        language: "es".to_owned(),
        issuer: "Banco de Prueba".to_owned(),
        foot: "Huella 0123".to_owned(),
        of: "de".to_owned(),
        blocks,
    }
}

fn full() -> Sheet {
    let table = Table {
        caption: "Puntos".to_owned(),
        columns: vec![
            Column::text("Pregunta".to_owned(), 4),
            Column::text("Respuesta".to_owned(), 2),
            Column::number("Puntos".to_owned(), 1),
        ],
        rows: (0..120).map(|n| vec![format!("¿Pregunta {n}?"), "Sí".to_owned(), format!("{n}.00")]).collect(),
    };
    let code = Code {
        content: "veedor".to_owned(),
        description: "Código".to_owned(),
        lines: vec!["Línea junto al código".to_owned()],
    };
    sheet(vec![
        Block::Paragraph(Tone::Strong, "Índice 92.81, año 2026".to_owned()),
        Block::Heading(Level::Part, "Respuestas".to_owned()),
        Block::Heading(Level::Section, "Bienvenida".to_owned()),
        Block::Table(table),
        Block::List(Numbering::Numbers, vec!["Primero".to_owned(), String::new(), "Tercero".to_owned()]),
        Block::Code(code),
        Block::Signatures(vec!["Firma".to_owned(), "Fecha".to_owned()]),
    ])
}

/// The texts of all pages, without the breaks between its lines.
fn text_of(bytes: &[u8]) -> String {
    let document = Document::load_mem(bytes).unwrap();
    let pages: Vec<u32> = document.get_pages().keys().copied().collect();
    document.extract_text(&pages).unwrap().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn every_text_of_a_sheet_can_be_read_out_of_its_file() {
    let text = text_of(&print(&full()).unwrap());
    for it in [
        "Visita a la sucursal Ñuñoa",
        "Índice 92.81, año 2026",
        "¿Pregunta 0?",
        "¿Pregunta 119?",
        "119.00",
        "Tercero",
    ] {
        assert!(text.contains(it), "{it:?} is not in {text:?}");
    }
    for it in ["Línea junto al código", "Firma", "Huella 0123"] {
        assert!(text.contains(it), "{it:?} is not in {text:?}");
    }
}

#[test]
fn the_head_of_a_table_and_the_foot_stand_on_every_page() {
    let bytes = print(&full()).unwrap();
    let document = Document::load_mem(&bytes).unwrap();
    let pages = document.get_pages();
    assert!(pages.len() >= 3, "{} pages", pages.len());
    for number in pages.keys() {
        let text = document.extract_text(&[*number]).unwrap();
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains(&format!("{number} de {}", pages.len())), "page {number}: {text}");
        assert!(text.contains("Huella 0123"), "page {number}");
        let is_of_table = text.contains("¿Pregunta");
        assert!(!is_of_table || text.contains("Respuesta"), "page {number} has rows without their head");
    }
}

#[test]
fn the_same_sheet_is_the_same_bytes_and_another_one_is_not() {
    assert_eq!(print(&full()).unwrap(), print(&full()).unwrap());
    let mut other = full();
    other.foot.push('1');
    assert_ne!(print(&full()).unwrap(), print(&other).unwrap());
}

#[test]
fn a_file_says_its_title_its_language_and_that_it_is_tagged() {
    let bytes = print(&full()).unwrap();
    let document = Document::load_mem(&bytes).unwrap();
    let catalog = document.catalog().unwrap();
    assert_eq!(catalog.get(b"Lang").and_then(Object::as_str).unwrap(), b"es");
    let marked = catalog.get(b"MarkInfo").and_then(|it| document.dereference(it)).unwrap().1;
    assert!(marked.as_dict().and_then(|it| it.get(b"Marked")).and_then(Object::as_bool).unwrap());
    assert!(catalog.has(b"StructTreeRoot") && catalog.has(b"Outlines"));
    let metadata = catalog.get(b"Metadata").and_then(|it| document.dereference(it)).unwrap().1;
    let stream = metadata.as_stream().unwrap();
    let xml = stream.decompressed_content().unwrap_or_else(|_| stream.content.clone());
    let xml = String::from_utf8_lossy(&xml).into_owned();
    assert!(xml.contains("Visita a la sucursal Ñuñoa") && xml.contains("Banco de Prueba"), "{xml}");
    assert!(xml.contains("pdfuaid"), "{xml}");
}

#[test]
fn a_character_without_a_picture_is_told_by_its_number() {
    let bytes = print(&sheet(vec![Block::Paragraph(
        Tone::Plain,
        "muy bien 👍\u{200b} 行 71/91 ≈ 0.78 → −1".to_owned(),
    )]))
    .unwrap();
    let text = text_of(&bytes);
    assert!(text.contains("muy bien [U+1F44D] [U+884C] 71/91 ≈ 0.78 → −1"), "{text}");
}

#[test]
fn a_row_higher_than_a_page_goes_on_over_pages_and_a_word_wider_than_its_column_breaks() {
    let long = "palabra ".repeat(3_000);
    let wide = "x".repeat(400);
    let table = Table {
        caption: String::new(),
        columns: vec![Column::text("A".to_owned(), 1), Column::text("B".to_owned(), 1)],
        rows: vec![vec![wide.clone(), long.clone()]],
    };
    let bytes = print(&sheet(vec![Block::Table(table)])).unwrap();
    let document = Document::load_mem(&bytes).unwrap();
    assert!(document.get_pages().len() > 5);
    let text = text_of(&bytes);
    assert_eq!(text.matches("palabra").count(), 3_000);
    assert_eq!(text.matches('x').count(), 400);
}

#[test]
fn a_code_that_holds_too_much_is_refused() {
    let code = Code { content: "x".repeat(5_000), description: "Código".to_owned(), lines: Vec::new() };
    assert!(print(&sheet(vec![Block::Code(code)])).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_breaks_a_rule_of_the_format(
        title in any::<String>(),
        texts in prop::collection::vec(any::<String>(), 0..6),
        share in any::<u8>(),
    ) {
        let table = Table {
            caption: title.clone(),
            columns: vec![Column::text(title.clone(), share), Column::number(String::new(), 0)],
            rows: vec![texts.clone(), Vec::new()],
        };
        let mut printed = sheet(vec![
            Block::Heading(Level::Part, title.clone()),
            Block::Paragraph(Tone::Quiet, texts.concat()),
            Block::List(Numbering::Dots, texts.clone()),
            Block::Table(table),
            Block::Signatures(texts),
        ]);
        printed.title = title;
        let bytes = print(&printed);
        prop_assert!(bytes.is_ok(), "{:?}", bytes.err());
    }
}
