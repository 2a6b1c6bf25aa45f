//! Where everything stands: blocks become marks on pages, and the tree that a screen reader follows. Pages are as wide as A4 and as high
//! as letter, so that both papers take them as they are.

use crate::{
    Block, Code, Column, Level, Numbering, Sheet, Table, Tone, Unprintable,
    face::{Face, Faces},
};
use qrcode::{Color, EcLevel, QrCode};

/// Points.
pub(crate) const WIDTH: f32 = 595.0;
pub(crate) const HEIGHT: f32 = 792.0;
const LEFT: f32 = 54.0;
const RIGHT: f32 = WIDTH - 54.0;
const TOP: f32 = 54.0;
const BOTTOM: f32 = HEIGHT - 66.0;
/// Where the line at the foot stands.
const FOOT: f32 = HEIGHT - 40.0;
/// Of the text and of what is small; a heading by its level.
const SIZE: f32 = 9.5;
const SMALL: f32 = 8.0;
/// From line to line, in sizes.
const LEADING: f32 = 1.38;
/// How far down in its line a text stands, in sizes.
const ASCENT: f32 = 1.05;
/// Side of a code, and the gap between columns.
const CODE: f32 = 96.0;
const GAP: f32 = 8.0;
/// Least lines that follow a heading on its page.
const KEPT: f32 = 3.0;

/// A grey: 0 is black.
pub(crate) type Grey = u8;
const INK: Grey = 0x1a;
const QUIET: Grey = 0x55;
const RULE: Grey = 0xb0;

/// What a node is for a screen reader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Role {
    Title(String),
    Heading(Level, String),
    Paragraph,
    List(Numbering),
    Entry,
    Label,
    Body,
    Table,
    Caption,
    Row,
    ColumnHead,
    RowHead,
    Cell,
    /// A picture with its description.
    Figure(String),
}

/// A node of the tree, by its place in it; its parent comes before it.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) role: Role,
    pub(crate) parent: Option<usize>,
}

/// Something drawn.
#[derive(Debug)]
pub(crate) enum Ink {
    Text {
        size: f32,
        is_bold: bool,
        grey: Grey,
        text: String,
    },
    /// A line to the right.
    Rule {
        length: f32,
    },
    /// Dark squares of a code, each with its column and row, and the side of one.
    Squares {
        side: f32,
        dark: Vec<(f32, f32)>,
    },
}

/// Something drawn on a page. What belongs to no node is ornament.
#[derive(Debug)]
pub(crate) struct Mark {
    pub(crate) page: usize,
    pub(crate) x: f32,
    pub(crate) y: f32,
    pub(crate) ink: Ink,
    pub(crate) node: Option<usize>,
}

/// A document as it will stand on its pages.
#[derive(Debug, Default)]
pub(crate) struct Laid {
    pub(crate) pages: usize,
    pub(crate) marks: Vec<Mark>,
    pub(crate) nodes: Vec<Node>,
    /// Page and height of each heading, with its node.
    pub(crate) headings: Vec<(usize, f32, usize)>,
}

/// Lays out a document.
///
/// # Errors
/// Where a code holds too much.
pub(crate) fn lay_out(sheet: &Sheet, faces: &Faces) -> Result<Laid, Unprintable> {
    let mut hand = Hand { laid: Laid { pages: 1, ..Laid::default() }, faces, y: TOP };
    hand.heading(Role::Title(sheet.title.clone()), &sheet.title, 17.0);
    for block in &sheet.blocks {
        match block {
            Block::Heading(level, text) => {
                let size = if *level == Level::Part { 12.5 } else { 10.5 };
                let text = faces.bold.printable(text);
                hand.heading(Role::Heading(*level, text.clone()), &text, size);
            }
            Block::Paragraph(tone, text) => hand.paragraph(*tone, text),
            Block::List(numbering, entries) => hand.list(*numbering, entries),
            Block::Table(table) => hand.table(table),
            Block::Code(code) => hand.code(code)?,
            Block::Signatures(names) => hand.signatures(names),
        }
    }
    hand.feet(sheet);
    Ok(hand.laid)
}

/// Writes down the page.
struct Hand<'a> {
    laid: Laid,
    faces: &'a Faces,
    y: f32,
}

/// A line of a cell.
struct Cell<'a> {
    column: &'a Column,
    x: f32,
    width: f32,
    lines: Vec<String>,
    node: usize,
}

fn height(size: f32) -> f32 {
    size * LEADING
}

impl Hand<'_> {
    fn face(&self, is_bold: bool) -> &Face {
        if is_bold { &self.faces.bold } else { &self.faces.regular }
    }

    fn node(&mut self, role: Role, parent: Option<usize>) -> usize {
        self.laid.nodes.push(Node { role, parent });
        self.laid.nodes.len().saturating_sub(1)
    }

    fn page(&self) -> usize {
        self.laid.pages.saturating_sub(1)
    }

    fn turn(&mut self) {
        self.laid.pages = self.laid.pages.saturating_add(1);
        self.y = TOP;
    }

    /// Goes to the next page where so much does not fit any more.
    fn need(&mut self, space: f32) {
        if self.y + space > BOTTOM && self.y > TOP {
            self.turn();
        }
    }

    fn gap(&mut self, space: f32) {
        if self.y > TOP {
            self.y += space;
        }
    }

    fn mark(&mut self, x: f32, y: f32, ink: Ink, node: Option<usize>) {
        let page = self.page();
        self.laid.marks.push(Mark { page, x, y, ink, node });
    }

    fn text(
        &mut self,
        (x, y): (f32, f32),
        size: f32,
        is_bold: bool,
        grey: Grey,
        text: &str,
        node: Option<usize>,
    ) {
        if !text.is_empty() {
            let ink = Ink::Text { size, is_bold, grey, text: text.to_owned() };
            self.mark(x, y + size * ASCENT, ink, node);
        }
    }

    fn heading(&mut self, role: Role, text: &str, size: f32) {
        let lines = self.faces.bold.lines(text, size, RIGHT - LEFT);
        if lines.is_empty() {
            return;
        }
        self.gap(size * 0.9);
        let count: f32 = lines.iter().map(|_| height(size)).sum();
        self.need(count + KEPT * height(SIZE));
        let node = self.node(role, None);
        let (page, y) = (self.page(), self.y);
        self.laid.headings.push((page, y, node));
        for line in &lines {
            self.need(height(size));
            self.text((LEFT, self.y), size, true, INK, line, Some(node));
            self.y += height(size);
        }
        self.y += size * 0.25;
    }

    /// Lines one under the other, over pages.
    fn run(&mut self, x: f32, size: f32, is_bold: bool, grey: Grey, text: &str, node: usize) {
        let lines = self.face(is_bold).lines(text, size, RIGHT - x);
        for line in &lines {
            self.need(height(size));
            self.text((x, self.y), size, is_bold, grey, line, Some(node));
            self.y += height(size);
        }
    }

    fn paragraph(&mut self, tone: Tone, text: &str) {
        let (size, is_bold, grey) = match tone {
            Tone::Plain => (SIZE, false, INK),
            Tone::Quiet => (SMALL, false, QUIET),
            Tone::Strong => (SIZE, true, INK),
        };
        let node = self.node(Role::Paragraph, None);
        self.run(LEFT, size, is_bold, grey, text, node);
        self.y += size * 0.4;
    }

    fn list(&mut self, numbering: Numbering, entries: &[String]) {
        let list = self.node(Role::List(numbering), None);
        for (index, text) in entries.iter().enumerate() {
            let label = match numbering {
                Numbering::Dots => "•".to_owned(),
                Numbering::Numbers => format!("{}.", index.saturating_add(1)),
            };
            let entry = self.node(Role::Entry, Some(list));
            let named = self.node(Role::Label, Some(entry));
            let body = self.node(Role::Body, Some(entry));
            self.need(height(SIZE));
            self.text((LEFT, self.y), SIZE, false, QUIET, &label, Some(named));
            let top = (self.page(), self.y);
            self.run(LEFT + 24.0, SIZE, false, INK, text, body);
            if top == (self.page(), self.y) {
                self.y += height(SIZE);
            }
        }
        self.y += SIZE * 0.4;
    }

    fn table(&mut self, table: &Table) {
        let node = self.node(Role::Table, None);
        self.gap(SIZE * 0.3);
        if !table.caption.is_empty() {
            let caption = self.node(Role::Caption, Some(node));
            self.need(KEPT * height(SIZE));
            self.run(LEFT, SMALL, false, QUIET, &table.caption, caption);
        }
        let has_head = table.columns.iter().any(|it| !it.title.is_empty());
        if has_head {
            let titles: Vec<String> = table.columns.iter().map(|it| it.title.clone()).collect();
            self.need((KEPT + 1.0) * height(SIZE));
            self.row(table, &titles, Some(node), true);
        }
        for row in &table.rows {
            self.row(table, row, Some(node), false);
        }
        self.y += SIZE * 0.6;
    }

    /// A row, or the head; of no node where the head is said again at the top of a page.
    fn row(&mut self, table: &Table, row: &[String], parent: Option<usize>, is_head: bool) {
        let size = if is_head { SMALL } else { SIZE };
        let row_node = parent.map(|it| self.node(Role::Row, Some(it)));
        let shares: f32 = table.columns.iter().map(|it| f32::from(it.share.max(1))).sum();
        let mut x = LEFT;
        let mut cells = Vec::new();
        for (index, column) in table.columns.iter().enumerate() {
            let whole = (RIGHT - LEFT) * f32::from(column.share.max(1)) / shares;
            let text = row.get(index).map(String::as_str).unwrap_or_default();
            let role = match (is_head, index) {
                (true, _) => Role::ColumnHead,
                (false, 0) => Role::RowHead,
                (false, _) => Role::Cell,
            };
            let node = row_node.map_or(usize::MAX, |it| self.node(role, Some(it)));
            let width = (whole - GAP).max(size);
            let lines = self.face(is_head).lines(text, size, width);
            cells.push(Cell { column, x, width, lines, node });
            x += whole;
        }
        let most = cells.iter().map(|it| it.lines.len()).max().unwrap_or_default().max(1);
        let whole: f32 = (0..most).map(|_| height(size)).sum();
        // A row stays together unless no page has room for it.
        if whole <= BOTTOM - TOP - 4.0 * height(SIZE) {
            self.need_in_table(table, whole, is_head);
        }
        for index in 0..most {
            self.need_in_table(table, height(size), is_head);
            for cell in &cells {
                let Some(line) = cell.lines.get(index) else { continue };
                let right = cell.x + cell.width - self.face(is_head).width(line, size);
                let x = if cell.column.is_number { right } else { cell.x };
                let node = parent.map(|_| cell.node);
                self.text((x, self.y), size, is_head, if is_head { QUIET } else { INK }, line, node);
            }
            self.y += height(size);
        }
        self.y += 2.0;
        self.mark(LEFT, self.y, Ink::Rule { length: RIGHT - LEFT }, None);
        self.y += 3.0;
    }

    /// Goes to the next page where so much does not fit, and says the head again there.
    fn need_in_table(&mut self, table: &Table, space: f32, is_head: bool) {
        if self.y + space <= BOTTOM || self.y <= TOP {
            return;
        }
        self.turn();
        if !is_head && table.columns.iter().any(|it| !it.title.is_empty()) {
            let titles: Vec<String> = table.columns.iter().map(|it| it.title.clone()).collect();
            self.row(table, &titles, None, true);
        }
    }

    fn code(&mut self, code: &Code) -> Result<(), Unprintable> {
        let drawn = QrCode::with_error_correction_level(code.content.as_bytes(), EcLevel::M)
            .map_err(Unprintable::Code)?;
        self.gap(SIZE);
        self.need(CODE + SIZE);
        let wide = u16::try_from(drawn.width()).unwrap_or(u16::MAX);
        let side = CODE / f32::from(wide.max(1));
        let mut dark = Vec::new();
        for (index, color) in drawn.to_colors().into_iter().enumerate() {
            let at = |it: usize| u16::try_from(it).map_or(0.0, f32::from) * side;
            let wide = usize::from(wide.max(1));
            if color == Color::Dark {
                dark.push((at(index % wide), at(index / wide)));
            }
        }
        let figure = self.node(Role::Figure(code.description.clone()), None);
        let top = self.y;
        self.mark(LEFT, top, Ink::Squares { side, dark }, Some(figure));
        let page = self.page();
        for text in &code.lines {
            let node = self.node(Role::Paragraph, None);
            self.run(LEFT + CODE + 16.0, SMALL, false, INK, text, node);
            self.y += 3.0;
        }
        if self.page() == page {
            self.y = self.y.max(top + CODE) + SIZE;
        }
        Ok(())
    }

    fn signatures(&mut self, names: &[String]) {
        self.y += 36.0;
        self.need(2.0 * height(SIZE));
        let count = u16::try_from(names.len().max(1)).map_or(1.0, f32::from);
        let whole = (RIGHT - LEFT) / count;
        let mut x = LEFT;
        for name in names {
            self.mark(x, self.y, Ink::Rule { length: whole - 2.0 * GAP }, None);
            let node = self.node(Role::Paragraph, None);
            let lines = self.faces.regular.lines(name, SMALL, whole - 2.0 * GAP);
            let line = lines.first().cloned().unwrap_or_default();
            self.text((x, self.y + 2.0), SMALL, false, QUIET, &line, Some(node));
            x += whole;
        }
        self.y += 2.0 * height(SIZE);
    }

    /// What stands at the foot of each page, an ornament: a screen reader says the pages itself.
    fn feet(&mut self, sheet: &Sheet) {
        let of = self.laid.pages;
        for page in 0..of {
            let number = format!("{} {} {of}", page.saturating_add(1), sheet.of);
            let number = self.faces.regular.printable(&number);
            let wide = self.faces.regular.width(&number, SMALL);
            let lines = self.faces.regular.lines(&sheet.foot, SMALL, RIGHT - LEFT - wide - 2.0 * GAP);
            let texts = [(LEFT, lines.first().cloned().unwrap_or_default()), (RIGHT - wide, number)];
            for (x, text) in texts.into_iter().filter(|it| !it.1.is_empty()) {
                let ink = Ink::Text { size: SMALL, is_bold: false, grey: QUIET, text };
                self.laid.marks.push(Mark { page, x, y: FOOT, ink, node: None });
            }
        }
    }
}

/// The grey of rules.
pub(crate) const fn rule() -> Grey {
    RULE
}
