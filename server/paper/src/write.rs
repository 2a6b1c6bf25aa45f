//! Marks and tree as the bytes of a PDF.

use crate::{
    Level, Numbering, Sheet, Unprintable,
    face::Faces,
    layout::{Grey, HEIGHT, Ink, Laid, Mark, Role, WIDTH, rule},
};
use krilla::{
    Document, SerializeSettings,
    color::rgb,
    configure::{Accessibility, Configuration, ConfigurationBuilder},
    destination::XyzDestination,
    geom::{PathBuilder, Point, Rect},
    metadata::Metadata,
    num::NormalizedF32,
    outline::{Outline, OutlineNode},
    page::PageSettings,
    paint::Fill,
    surface::Surface,
    tagging::{
        Artifact, ArtifactType, ContentTag, Identifier, ListNumbering, SpanTag, TableHeaderScope, Tag,
        TagGroup, TagKind, TagTree,
    },
    text::TextDirection,
};
use std::num::NonZeroU16;

fn broken(cause: impl std::fmt::Debug) -> Unprintable {
    Unprintable::Format(format!("{cause:?}"))
}

/// Writes a document.
///
/// # Errors
/// Where it breaks a rule of PDF/UA-1.
pub(crate) fn write(sheet: &Sheet, laid: &Laid, faces: &Faces) -> Result<Vec<u8>, Unprintable> {
    let configuration: Configuration = ConfigurationBuilder::new()
        .with_accessibility_validator(Accessibility::UA1)
        .finish()
        .map_err(broken)?;
    let mut document =
        Document::new_with(SerializeSettings { configuration, ..SerializeSettings::default() });
    let mut drawn: Vec<Vec<Identifier>> = laid.nodes.iter().map(|_| Vec::new()).collect();
    for number in 0..laid.pages {
        let settings = PageSettings::from_wh(WIDTH, HEIGHT).ok_or_else(|| broken("size of a page"))?;
        let mut page = document.start_page_with(settings);
        let mut surface = page.surface();
        for mark in laid.marks.iter().filter(|it| it.page == number) {
            let tag = match mark.node {
                Some(_) if matches!(mark.ink, Ink::Text { .. }) => ContentTag::Span(SpanTag::empty()),
                Some(_) => ContentTag::Other,
                None => ContentTag::Artifact(Artifact::with_kind(ArtifactType::Layout)),
            };
            let identifier = surface.start_tagged(tag);
            draw(&mut surface, mark, faces);
            surface.end_tagged();
            if let Some(held) = mark.node.and_then(|it| drawn.get_mut(it)) {
                held.push(identifier);
            }
        }
        surface.finish();
        page.finish();
    }
    document.set_metadata(
        Metadata::new()
            .title(sheet.title.clone())
            .language(sheet.language.clone())
            .authors(vec![faces.regular.printable(&sheet.issuer)])
            .creator("Veedor".to_owned()),
    );
    document.set_outline(outline(sheet, laid));
    document.set_tag_tree(tree(sheet, laid, drawn)?);
    document.finish().map_err(broken)
}

fn grey(it: Grey) -> Option<Fill> {
    let paint = rgb::Color::new(it, it, it).into();
    Some(Fill { paint, opacity: NormalizedF32::ONE, ..Fill::default() })
}

fn draw(surface: &mut Surface<'_>, mark: &Mark, faces: &Faces) {
    match &mark.ink {
        Ink::Text { size, is_bold, grey: it, text } => {
            surface.set_fill(grey(*it));
            let face = if *is_bold { &faces.bold } else { &faces.regular };
            let at = Point::from_xy(mark.x, mark.y);
            surface.draw_text(at, face.font.clone(), *size, text, false, TextDirection::LeftToRight);
        }
        Ink::Rule { length } => {
            surface.set_fill(grey(rule()));
            fill(surface, [(mark.x, mark.y, *length, 0.5)]);
        }
        Ink::Squares { side, dark } => {
            surface.set_fill(grey(0));
            // A hair wider, so that no reader shows lines between them.
            let wide = side * 1.02;
            fill(surface, dark.iter().map(|(x, y)| (mark.x + x, mark.y + y, wide, wide)));
        }
    }
}

fn fill(surface: &mut Surface<'_>, boxes: impl IntoIterator<Item = (f32, f32, f32, f32)>) {
    let mut path = PathBuilder::new();
    for it in boxes.into_iter().filter_map(|(x, y, w, h)| Rect::from_xywh(x, y, w, h)) {
        path.push_rect(it);
    }
    if let Some(path) = path.finish() {
        surface.draw_path(&path);
    }
}

/// The headings, for whoever jumps through the document.
fn outline(sheet: &Sheet, laid: &Laid) -> Outline {
    let mut outline = Outline::new();
    for (page, y, node) in &laid.headings {
        let text = match laid.nodes.get(*node).map(|it| &it.role) {
            Some(Role::Heading(_, text) | Role::Title(text)) => text.clone(),
            _ => sheet.title.clone(),
        };
        let to = XyzDestination::new(*page, Point::from_xy(0.0, *y));
        outline.push_child(OutlineNode::new(text, to));
    }
    outline
}

fn kind(role: &Role) -> TagKind {
    let heading = |level: u16, text: &str| -> TagKind {
        Tag::Hn(NonZeroU16::new(level).unwrap_or(NonZeroU16::MIN), Some(text.to_owned())).into()
    };
    match role {
        Role::Title(text) => heading(1, text),
        Role::Heading(Level::Part, text) => heading(2, text),
        Role::Heading(Level::Section, text) => heading(3, text),
        Role::Paragraph => Tag::P.into(),
        Role::List(Numbering::Dots) => Tag::L(ListNumbering::Disc).into(),
        Role::List(Numbering::Numbers) => Tag::L(ListNumbering::Decimal).into(),
        Role::Entry => Tag::LI.into(),
        Role::Label => Tag::Lbl.into(),
        Role::Body => Tag::LBody.into(),
        Role::Table => Tag::Table.into(),
        Role::Caption => Tag::Caption.into(),
        Role::Row => Tag::TR.into(),
        Role::ColumnHead => Tag::TH(TableHeaderScope::Column).into(),
        Role::RowHead => Tag::TH(TableHeaderScope::Row).into(),
        Role::Cell => Tag::TD.into(),
        Role::Figure(description) => Tag::Figure(Some(description.clone())).into(),
    }
}

/// The tree, from its leaves up: a parent stands before its children.
fn tree(sheet: &Sheet, laid: &Laid, drawn: Vec<Vec<Identifier>>) -> Result<TagTree, Unprintable> {
    let mut groups: Vec<Option<TagGroup>> = Vec::with_capacity(laid.nodes.len());
    for (node, marks) in laid.nodes.iter().zip(drawn) {
        let mut group = TagGroup::new(kind(&node.role));
        marks.into_iter().for_each(|it| group.push(it));
        groups.push(Some(group));
    }
    let mut children: Vec<Vec<usize>> = laid.nodes.iter().map(|_| Vec::new()).collect();
    for (index, node) in laid.nodes.iter().enumerate() {
        if let Some(held) = node.parent.and_then(|it| children.get_mut(it)) {
            held.push(index);
        }
    }
    for index in (0..laid.nodes.len()).rev() {
        for child in children.get(index).cloned().unwrap_or_default() {
            let taken = groups.get_mut(child).and_then(Option::take);
            if let (Some(child), Some(Some(group))) = (taken, groups.get_mut(index)) {
                group.push(child);
            }
        }
    }
    let mut tree = TagTree::new().with_lang(Some(sheet.language.clone()));
    for (node, group) in laid.nodes.iter().zip(groups) {
        match group {
            Some(group) if node.parent.is_none() => tree.push(group),
            Some(_) => return Err(broken("a node without its parent")),
            None => {}
        }
    }
    Ok(tree)
}
