//! Cells as values: text, codes, numbers, days, times and flags, as people and spreadsheets write them. What could mean two
//! things is refused rather than guessed.

use super::{
    columns::{Layout, plain},
    report::{Note, RowProblem, brief},
    table::{Cell, Origin, Row, Table},
};
use crate::decimal::Decimal;
use domain::{Date, Exact};
use std::collections::BTreeMap;

/// Digits of a number that a spreadsheet keeps.
const KEPT_DIGITS: usize = 15;
/// Columns of days.
const DAYS: [&str; 5] = ["date", "employed_from", "employed_to", "period_from", "period_to"];
/// Columns of codes, which a spreadsheet may have turned into numbers.
const CODES: [&str; 5] = ["code", "employee_no", "branch_code", "region_code", "parent_region_code"];

/// In which order a column writes the parts of a day, as 31/12/2026.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    DayFirst,
    MonthFirst,
    /// Its days could be read both ways, or some one way and some the other.
    Unknown,
}

/// A table with its columns found.
#[derive(Debug)]
pub(super) struct Sheet {
    pub(super) table: Table,
    pub(super) layout: Layout,
    orders: BTreeMap<&'static str, Order>,
}

impl Sheet {
    pub(super) fn new(table: Table, layout: Layout, notes: &mut Vec<Note>) -> Self {
        let mut orders = BTreeMap::new();
        for name in DAYS {
            let Some(place) = layout.place(name) else { continue };
            let parts: Vec<[u16; 3]> =
                table.rows.iter().filter_map(|it| day_parts(&it.cells.get(place)?.text)).collect();
            if let Some(order) = order(&parts) {
                let (es, en) = match order {
                    Order::DayFirst => ("día/mes/año", "day/month/year"),
                    Order::MonthFirst => ("mes/día/año", "month/day/year"),
                    Order::Unknown => ("", ""),
                };
                if order != Order::Unknown {
                    let (es, en) =
                        (format!("Las fechas se leen como {es}."), format!("days are read as {en}"));
                    notes.push(Note::new("order_of_days", layout.header(name), es, en));
                }
                orders.insert(name, order);
            }
        }
        for name in CODES {
            let Some(place) = layout.place(name) else { continue };
            let is_number = |it: &&Row| it.cells.get(place).is_some_and(|it| it.origin == Origin::Number);
            let count = table.rows.iter().filter(is_number).count();
            if count > 0 {
                notes.push(Note::new(
                    "codes_as_numbers",
                    layout.header(name),
                    format!("{count} celdas son números y no texto: los ceros a la izquierda se habrían perdido. Revíselas."),
                    format!("{count} cells are numbers, not text: zeros in front would have been lost. Check them"),
                ));
            }
        }
        Self { table, layout, orders }
    }

    /// A row, whose problems are added to the others.
    pub(super) fn line<'a>(&'a self, row: &'a Row, problems: &'a mut Vec<RowProblem>) -> Line<'a> {
        let told_before = problems.len();
        Line { sheet: self, row, problems, told_before }
    }
}

/// The order that a column's days show; none where it writes no day so.
fn order(parts: &[[u16; 3]]) -> Option<Order> {
    if parts.is_empty() {
        return None;
    }
    let day_first = parts.iter().any(|it| it[0] > 12);
    let month_first = parts.iter().any(|it| it[1] > 12);
    Some(match (day_first, month_first) {
        (true, false) => Order::DayFirst,
        (false, true) => Order::MonthFirst,
        _ => Order::Unknown,
    })
}

/// The three numbers of 31/12/2026, 31-12-2026 or 31.12.2026.
fn day_parts(text: &str) -> Option<[u16; 3]> {
    let mut parts = text.split(['/', '-', '.']);
    let mut next = |most: usize| {
        let part = parts.next()?;
        let is_good = !part.is_empty() && part.len() <= most && part.bytes().all(|it| it.is_ascii_digit());
        is_good.then(|| part.parse::<u16>().ok()).flatten()
    };
    let found = [next(2)?, next(2)?, next(4)?];
    let has_year = text.len() >= 4 && text.bytes().rev().take(4).all(|it| it.is_ascii_digit());
    (parts.next().is_none() && has_year).then_some(found)
}

/// A row being read. What cannot be read is told, and is nothing.
#[derive(Debug)]
pub(super) struct Line<'a> {
    sheet: &'a Sheet,
    row: &'a Row,
    problems: &'a mut Vec<RowProblem>,
    told_before: usize,
}

impl Line<'_> {
    /// The row of the file.
    pub(super) fn number(&self) -> u32 {
        self.row.number
    }

    /// Whether nothing of the row was told so far.
    pub(super) fn is_good(&self) -> bool {
        self.problems.len() == self.told_before
    }

    /// Tells something of a column, by our name.
    pub(super) fn tell(&mut self, name: &str, code: &str, es: impl Into<String>, en: impl Into<String>) {
        let column = self.sheet.layout.header(name);
        self.problems.push(RowProblem::new(self.row.number, column, code, es, en));
    }

    /// Tells what `validator`'s rules have against a value made of the row.
    pub(super) fn check<T: validator::Validate>(&mut self, value: &T) {
        if let Err(error) = crate::http::body::check(value) {
            let layout = &self.sheet.layout;
            let told = error.problem().errors.iter().map(|it| layout.problem(self.row.number, it));
            self.problems.extend(told);
        }
    }

    /// Refuses cells beyond the last header: a separator within a text moves all that follows.
    pub(super) fn refuse_more_cells(&mut self) {
        let headers = self.sheet.table.headers.cells.len();
        if self.row.cells.iter().skip(headers).any(|it| !it.is_empty()) {
            let es = "Hay más celdas que encabezados; ponga entre comillas el texto que lleva el separador.";
            let en = "there are more cells than headers; put a text with the separator in it between quotation marks";
            self.problems.push(RowProblem::new(self.row.number, "", "too_many_cells", es, en));
        }
    }

    /// The cell of a column; none where it is empty, or has nothing that can be taken.
    fn cell(&mut self, name: &str) -> Option<&Cell> {
        let place = self.sheet.layout.place(name)?;
        let cell = self.row.cells.get(place).filter(|it| !it.is_empty())?;
        match cell.origin {
            Origin::Formula => {
                self.tell_formula(name);
                None
            }
            Origin::Fault => {
                let text = &cell.text;
                let es = format!("La celda tiene el error {text}; corríjala.");
                self.tell(name, "cell_error", es, format!("the cell has the error {text}; mend it"));
                None
            }
            _ => Some(cell),
        }
    }

    fn tell_formula(&mut self, name: &str) {
        self.tell(
            name,
            "formula",
            "Es una fórmula, o un texto que empieza con = + - @ y parecería una; pegue sólo el valor.",
            "this is a formula, or a text that begins with = + - @ and would look like one; paste the value only",
        );
    }

    /// Whether a column has something in this row.
    pub(super) fn has(&self, name: &str) -> bool {
        let cell = self.sheet.layout.place(name).and_then(|it| self.row.cells.get(it));
        cell.is_some_and(|it| !it.is_empty())
    }

    /// A text; none where there is none.
    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        let cell = self.cell(name)?;
        let (text, origin) = (cell.text.clone(), cell.origin);
        if origin == Origin::Text && text.starts_with(['=', '+', '-', '@']) {
            self.tell_formula(name);
            return None;
        }
        if origin == Origin::Number && text.bytes().filter(u8::is_ascii_digit).count() > KEPT_DIGITS {
            self.tell(
                name,
                "number_too_long",
                format!("La hoja de cálculo sólo guarda {KEPT_DIGITS} cifras de un número; dé a la columna formato de texto."),
                format!("a spreadsheet keeps only {KEPT_DIGITS} digits of a number; give the column the format of text"),
            );
            return None;
        }
        Some(text)
    }

    /// A text that has to be there.
    pub(super) fn required(&mut self, name: &str) -> String {
        if !self.has(name) {
            self.tell(name, "missing_value", "Falta el dato.", "the value is missing");
        }
        self.text(name).unwrap_or_default()
    }

    /// A decimal. `of_degrees` says that three decimals cannot be thousands.
    pub(super) fn decimal(&mut self, name: &str, of_degrees: bool) -> Option<Decimal> {
        let cell = self.cell(name)?;
        let (text, is_number) = (cell.text.clone(), cell.origin == Origin::Number);
        let has_decimal_comma = self.sheet.table.has_decimal_comma;
        let told = brief(&text);
        let read = if is_number { Ok(text.clone()) } else { number(&text, has_decimal_comma, of_degrees) };
        match read {
            Ok(plain) => match Exact::parse(&plain) {
                Ok(value) if !plain.contains('/') => return Some(Decimal(value)),
                _ => self.tell(
                    name,
                    "not_a_number",
                    format!("«{told}» no es un número; escríbalo como 1234.56."),
                    format!("'{told}' is not a number; write it as 1234.56"),
                ),
            },
            Err(Ambiguous) => self.tell(
                name,
                "ambiguous_number",
                format!("«{told}» puede llevar decimales o miles; escríbalo sin separar miles y con punto decimal."),
                format!("'{told}' may have decimals or thousands; write it without separating thousands, with a decimal point"),
            ),
        }
        None
    }

    /// A whole number from 0.
    pub(super) fn whole(&mut self, name: &str) -> Option<u32> {
        let value = self.decimal(name, false)?;
        let whole = value.scaled(0).and_then(|it| u32::try_from(it).ok());
        if whole.is_none() {
            let es = "Debe ser un número entero, cero o más.";
            self.tell(name, "not_a_whole_number", es, "must be a whole number, zero or more");
        }
        whole
    }

    /// A day.
    pub(super) fn day(&mut self, name: &'static str) -> Option<Date> {
        let text = self.cell(name)?.text.clone();
        let iso = text.strip_suffix("T00:00:00").unwrap_or(&text).replace('/', "-");
        if let Some(day) = Date::parse(&iso) {
            return Some(day);
        }
        let order = self.sheet.orders.get(name).copied().unwrap_or(Order::Unknown);
        match (day_parts(&text), order) {
            (Some([first, second, year]), Order::DayFirst | Order::MonthFirst) => {
                let (day, month) = if order == Order::DayFirst { (first, second) } else { (second, first) };
                let narrow = |it: u16| u8::try_from(it).ok();
                let found = narrow(month).zip(narrow(day)).and_then(|(m, d)| Date::new(year, m, d));
                if found.is_some() {
                    return found;
                }
            }
            (Some(_), Order::Unknown) => {
                self.tell(
                    name,
                    "ambiguous_date",
                    format!("«{text}» puede ser día/mes o mes/día; escriba año-mes-día, como 2026-04-01."),
                    format!(
                        "'{text}' may be day/month or month/day; write year-month-day, such as 2026-04-01"
                    ),
                );
                return None;
            }
            (None, _) => {}
        }
        let told = brief(&text);
        self.tell(
            name,
            "not_a_date",
            format!("«{told}» no es una fecha; escriba año-mes-día, como 2026-04-01."),
            format!("'{told}' is not a date; write year-month-day, such as 2026-04-01"),
        );
        None
    }

    /// A day that has to be there.
    pub(super) fn required_day(&mut self, name: &'static str) -> Date {
        if !self.has(name) {
            self.tell(name, "missing_value", "Falta la fecha.", "the date is missing");
        }
        self.day(name).unwrap_or(Date::MIN)
    }

    /// A time of day as `HH:MM`, where it can be one; what it may be is for the rule of shifts to say.
    pub(super) fn required_time(&mut self, name: &str) -> String {
        if !self.has(name) {
            self.tell(name, "missing_value", "Falta la hora.", "the time is missing");
        }
        let Some(cell) = self.cell(name) else { return "00:00".to_owned() };
        let text = cell.text.strip_suffix(":00").filter(|it| it.contains(':')).unwrap_or(&cell.text);
        if text.len() == 4 { format!("0{text}") } else { text.to_owned() }
    }

    /// Yes or no.
    pub(super) fn flag(&mut self, name: &str) -> Option<bool> {
        let text = self.cell(name)?.text.clone();
        match plain(&text).as_str() {
            "si" | "s" | "yes" | "y" | "true" | "verdadero" | "1" | "x" | "activa" | "activo" | "abierta" => {
                Some(true)
            }
            "no" | "n" | "false" | "falso" | "0" | "inactiva" | "inactivo" | "cerrada" => Some(false),
            _ => {
                let text = brief(&text);
                let es = format!("«{text}» no es sí ni no.");
                self.tell(name, "not_a_flag", es, format!("'{text}' is neither yes nor no"));
                None
            }
        }
    }
}

/// What a number could mean in two ways.
#[derive(Debug, PartialEq, Eq)]
struct Ambiguous;

/// A number as [`Exact`] reads it, of how people write one.
fn number(text: &str, has_decimal_comma: bool, of_degrees: bool) -> Result<String, Ambiguous> {
    let text = text.trim_end_matches('%').trim();
    let unsigned = text.trim_start_matches(['-', '+']);
    let sign = if text.starts_with('-') { "-" } else { "" };
    let (commas, points) = (unsigned.matches(',').count(), unsigned.matches('.').count());
    let looks_like_thousands = |by: char| {
        let mut groups = unsigned.split(by);
        let first = groups.next().unwrap_or_default();
        (1..=3).contains(&first.len()) && first != "0" && groups.all(|it| it.len() == 3)
    };
    let plain = match (commas, points) {
        (0, 0) => unsigned.to_owned(),
        (0, 1) if has_decimal_comma && !of_degrees && looks_like_thousands('.') => return Err(Ambiguous),
        (0, 1) => unsigned.to_owned(),
        (1, 0) if !has_decimal_comma && !of_degrees && looks_like_thousands(',') => return Err(Ambiguous),
        (1, 0) => unsigned.replace(',', "."),
        (0, _) => unsigned.replace('.', ""),
        (_, 0) => unsigned.replace(',', ""),
        // Both: the last one begins the decimals.
        _ if unsigned.rfind(',') > unsigned.rfind('.') => unsigned.replace('.', "").replace(',', "."),
        _ => unsigned.replace(',', ""),
    };
    Ok(format!("{sign}{plain}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_as_it_was_meant_or_refused() {
        let read = |text: &str, has_decimal_comma| number(text, has_decimal_comma, false);
        for (text, expected) in [
            ("1500.5", "1500.5"),
            ("-3", "-3"),
            ("0,500", "0.500"),
            ("12,5", "12.5"),
            ("1,234.50", "1234.50"),
            ("1.234,50", "1234.50"),
            ("1,234,567", "1234567"),
            ("82.5%", "82.5"),
        ] {
            assert_eq!(read(text, false).as_deref(), Ok(expected), "{text}");
        }
        assert_eq!(read("1,500", false), Err(Ambiguous));
        assert_eq!(read("1,500", true).as_deref(), Ok("1.500"));
        assert_eq!(read("1.500", true), Err(Ambiguous));
        assert_eq!(read("1.500", false).as_deref(), Ok("1.500"));
        assert_eq!(number("19,432", false, true).as_deref(), Ok("19.432"));
    }

    #[test]
    fn the_days_of_a_column_are_read_one_way_or_not_at_all() {
        let parts = |all: &[&str]| all.iter().filter_map(|it| day_parts(it)).collect::<Vec<_>>();
        assert_eq!(order(&parts(&["01/02/2026", "31/12/2026"])), Some(Order::DayFirst));
        assert_eq!(order(&parts(&["01/02/2026", "12/31/2026"])), Some(Order::MonthFirst));
        assert_eq!(order(&parts(&["01/02/2026"])), Some(Order::Unknown));
        assert_eq!(order(&parts(&["13/02/2026", "02/13/2026"])), Some(Order::Unknown));
        assert_eq!(order(&parts(&["2026-02-01"])), None);
    }
}
