//! What files of each kind may have: their columns with all the names that are understood, and templates made of the same table.

use super::{
    report::{Note, RowProblem, brief},
    table::Table,
};
use crate::error::ApiError;
use domain::{FieldProblem, problem::pointer};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// What a file is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Branches, with the regions that they are in.
    Branches,
    /// People and their roles, one role a row.
    Users,
    /// Staff.
    Staff,
    /// Shifts of staff.
    Shifts,
    /// KPI observations.
    Kpis,
}

impl From<db::imports::ImportKind> for Kind {
    fn from(it: db::imports::ImportKind) -> Self {
        use db::imports::ImportKind as Stored;
        match it {
            Stored::Branches => Self::Branches,
            Stored::Users => Self::Users,
            Stored::Staff => Self::Staff,
            Stored::Shifts => Self::Shifts,
            Stored::Kpis => Self::Kpis,
        }
    }
}

impl From<Kind> for db::imports::ImportKind {
    fn from(it: Kind) -> Self {
        match it {
            Kind::Branches => Self::Branches,
            Kind::Users => Self::Users,
            Kind::Staff => Self::Staff,
            Kind::Shifts => Self::Shifts,
            Kind::Kpis => Self::Kpis,
        }
    }
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::Branches, Self::Users, Self::Staff, Self::Shifts, Self::Kpis];

    /// Reads the stable name.
    pub fn from_word(word: &str) -> Option<Self> {
        db::imports::ImportKind::from_word(word).map(Self::from)
    }

    /// The stable name.
    pub fn as_str(self) -> &'static str {
        db::imports::ImportKind::from(self).as_str()
    }

    fn columns(self) -> &'static [Column] {
        match self {
            Self::Branches => &BRANCHES,
            Self::Users => &USERS,
            Self::Staff => &STAFF,
            Self::Shifts => &SHIFTS,
            Self::Kpis => &KPIS,
        }
    }
}

/// A column that a file may have.
#[derive(Debug)]
struct Column {
    /// What we call it: the field of the API.
    name: &'static str,
    is_required: bool,
    /// What it is called in Spanish, first in templates and hints; and all the other names, in their plain form.
    es: &'static str,
    others: &'static [&'static str],
    /// What stands in the template's row of example: Spanish, English.
    example: (&'static str, &'static str),
}

const fn column(
    name: &'static str,
    is_required: bool,
    es: &'static str,
    others: &'static [&'static str],
    example: (&'static str, &'static str),
) -> Column {
    Column { name, is_required, es, others, example }
}

const BRANCHES: [Column; 10] = [
    column(
        "code",
        true,
        "codigo",
        &["clave", "sucursal", "codigo_sucursal", "clave_sucursal", "branch", "branch_code"],
        ("001", "001"),
    ),
    column("name", true, "nombre", &["nombre_sucursal", "branch_name"], ("Centro", "Downtown")),
    column(
        "zone",
        true,
        "zona_horaria",
        &["zona", "huso_horario", "time_zone", "timezone", "tz"],
        ("America/Mexico_City", "America/Mexico_City"),
    ),
    column("region_code", false, "codigo_region", &["region", "clave_region"], ("NORTE", "NORTH")),
    column("region_name", false, "nombre_region", &[], ("Norte", "North")),
    column(
        "parent_region_code",
        false,
        "region_superior",
        &["codigo_region_superior", "parent_region"],
        ("", ""),
    ),
    column("latitude", false, "latitud", &["lat"], ("19.432608", "19.432608")),
    column("longitude", false, "longitud", &["lon", "lng", "long"], ("-99.133208", "-99.133208")),
    column("target", false, "meta", &["objetivo", "meta_calificacion"], ("85", "85")),
    column("active", false, "activa", &["activo", "abierta", "open"], ("sí", "yes")),
];

const USERS: [Column; 5] = [
    column(
        "login",
        true,
        "usuario",
        &["cuenta", "correo", "user", "username", "email"],
        ("ana.lopez", "ana.lopez"),
    ),
    column("name", true, "nombre", &["nombre_completo", "full_name"], ("Ana López", "Ana López")),
    column("role", true, "rol", &["perfil"], ("auditor", "auditor")),
    column("region_code", false, "codigo_region", &["region", "clave_region"], ("", "")),
    column("branch_code", false, "codigo_sucursal", &["sucursal", "clave_sucursal", "branch"], ("", "")),
];

const STAFF: [Column; 9] = [
    column(
        "employee_no",
        true,
        "numero_empleado",
        &[
            "numero_de_empleado",
            "no_empleado",
            "num_empleado",
            "empleado",
            "employee",
            "employee_number",
            "employee_id",
        ],
        ("00123", "00123"),
    ),
    column("name", true, "nombre", &["nombre_completo", "full_name"], ("Luis Pérez", "Luis Pérez")),
    column("position", true, "puesto", &["cargo", "job", "job_title"], ("cajero", "teller")),
    column("branch_code", true, "codigo_sucursal", &["sucursal", "clave_sucursal", "branch"], ("001", "001")),
    column(
        "employed_from",
        true,
        "fecha_ingreso",
        &["ingreso", "alta", "fecha_de_ingreso", "fecha_alta", "hired", "hire_date", "start_date"],
        ("2026-01-15", "2026-01-15"),
    ),
    column("employed_to", false, "fecha_baja", &["baja", "fecha_de_baja", "left", "end_date"], ("", "")),
    column("role_factor", false, "factor", &["factor_rol", "factor_puesto"], ("1", "1")),
    column("target", false, "incentivo_objetivo", &["incentivo", "target_incentive"], ("1500.00", "1500.00")),
    column("target_decimals", false, "decimales_moneda", &["decimales", "currency_decimals"], ("", "")),
];

const SHIFTS: [Column; 5] = [
    column(
        "employee_no",
        true,
        "numero_empleado",
        &[
            "numero_de_empleado",
            "no_empleado",
            "num_empleado",
            "empleado",
            "employee",
            "employee_number",
            "employee_id",
        ],
        ("00123", "00123"),
    ),
    column("date", true, "fecha", &["dia", "day"], ("2026-03-02", "2026-03-02")),
    column(
        "begins",
        true,
        "entrada",
        &["inicio", "hora_entrada", "hora_inicio", "start", "begin", "from"],
        ("09:00", "09:00"),
    ),
    column("ends", true, "salida", &["fin", "hora_salida", "hora_fin", "end", "to"], ("18:00", "18:00")),
    column("branch_code", false, "codigo_sucursal", &["sucursal", "clave_sucursal", "branch"], ("", "")),
];

const KPIS: [Column; 13] = [
    column("scope", false, "alcance", &["ambito", "nivel", "level"], ("", "")),
    column(
        "branch_code",
        false,
        "codigo_sucursal",
        &["sucursal", "clave_sucursal", "branch"],
        ("001", "001"),
    ),
    column("region_code", false, "codigo_region", &["region", "clave_region"], ("", "")),
    column(
        "employee_no",
        false,
        "numero_empleado",
        &[
            "numero_de_empleado",
            "no_empleado",
            "num_empleado",
            "empleado",
            "employee",
            "employee_number",
            "employee_id",
        ],
        ("", ""),
    ),
    column("metric", true, "indicador", &["metrica", "kpi"], ("csat_t2b", "csat_t2b")),
    column(
        "definition",
        true,
        "definicion",
        &["como_se_midio"],
        ("Encuesta de salida, 4 y 5 de 5", "Exit survey, 4 and 5 of 5"),
    ),
    column(
        "period_from",
        true,
        "desde",
        &["fecha_inicio", "periodo_desde", "from", "start_date"],
        ("2026-01-01", "2026-01-01"),
    ),
    column(
        "period_to",
        true,
        "hasta",
        &["fecha_fin", "periodo_hasta", "to", "end_date"],
        ("2026-03-31", "2026-03-31"),
    ),
    column("value", false, "valor", &["resultado"], ("0.825", "0.825")),
    column("n", false, "muestra", &["casos", "respuestas", "sample", "sample_size"], ("240", "240")),
    column("numerator", false, "numerador", &[], ("", "")),
    column("denominator", false, "denominador", &[], ("", "")),
    column("source", true, "fuente", &["origen"], ("Encuesta de salida", "Exit survey")),
];

/// A header in its plain form: lower case, without accents, words joined by underscores.
pub(super) fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for it in text.chars().flat_map(char::to_lowercase) {
        let it = match it {
            'á' | 'à' | 'ä' | 'â' => 'a',
            'é' | 'è' | 'ë' | 'ê' => 'e',
            'í' | 'ì' | 'ï' | 'î' => 'i',
            'ó' | 'ò' | 'ö' | 'ô' => 'o',
            'ú' | 'ù' | 'ü' | 'û' => 'u',
            'ñ' => 'n',
            it => it,
        };
        if it.is_alphanumeric() {
            plain.push(it);
        } else if !plain.is_empty() && !plain.ends_with('_') && !('\u{300}'..='\u{36f}').contains(&it) {
            plain.push('_');
        }
    }
    plain.trim_end_matches('_').to_owned()
}

/// The column that a header means, by our name.
pub(super) fn known(kind: Kind, header: &str) -> Option<&'static str> {
    let header = plain(header);
    let means = |it: &&Column| it.name == header || it.es == header || it.others.contains(&header.as_str());
    kind.columns().iter().find(means).map(|it| it.name)
}

/// Where each column of a file is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Layout {
    /// Our name, its place, and what the file calls it.
    columns: BTreeMap<&'static str, (usize, String)>,
}

impl Layout {
    /// Finds the columns of a table.
    ///
    /// # Errors
    /// `missing_column`, `repeated_column` (422), all of them at once.
    pub(super) fn of(kind: Kind, table: &Table, notes: &mut Vec<Note>) -> Result<Self, ApiError> {
        let mut found = Self::default();
        let mut problems = Vec::new();
        for (place, header) in table.headers.cells.iter().enumerate() {
            let header = header.text.as_str();
            let has_cells =
                || table.rows.iter().any(|it| it.cells.get(place).is_some_and(|it| !it.is_empty()));
            let Some(name) = known(kind, header) else {
                if !header.is_empty() || has_cells() {
                    notes.push(unknown(kind, header, place));
                }
                continue;
            };
            if let Some((_, first)) = found.columns.get(name) {
                problems.push(FieldProblem::new(
                    pointer("/headers", header),
                    "repeated_column",
                    format!("«{header}» dice lo mismo que «{first}»; deje una sola."),
                    format!("'{header}' says the same as '{first}'; leave one of them"),
                ));
                continue;
            }
            found.columns.insert(name, (place, header.to_owned()));
        }
        let missing =
            kind.columns().iter().filter(|it| it.is_required && !found.columns.contains_key(it.name));
        problems.extend(missing.map(missing_column));
        if problems.is_empty() { Ok(found) } else { Err(ApiError::invalid(problems)) }
    }

    /// The place of a column.
    pub(super) fn place(&self, name: &str) -> Option<usize> {
        self.columns.get(name).map(|it| it.0)
    }

    /// What the file calls a column; our name where it has none.
    pub(super) fn header<'a>(&'a self, name: &'a str) -> &'a str {
        self.columns.get(name).map_or(name, |it| it.1.as_str())
    }

    /// A problem of a field of a row, as the reader of the file knows it: `/zone` is the column of zones.
    pub(super) fn problem(&self, row: u32, of: &FieldProblem) -> RowProblem {
        let name = of.field.split('/').rfind(|it| !it.is_empty()).unwrap_or_default();
        let name = match of.field.as_str() {
            "/period/from" => "period_from",
            "/period/to" => "period_to",
            _ => name,
        };
        let (es, en) = (of.message_es.clone(), of.message_en.clone());
        RowProblem::new(row, self.header(name), &of.code, es, en)
    }
}

fn missing_column(it: &Column) -> FieldProblem {
    let names = [it.es, it.name].iter().chain(it.others).copied().collect::<Vec<_>>().join(", ");
    FieldProblem::new(
        pointer("/headers", it.name),
        "missing_column",
        format!("Falta una columna; puede llamarse: {names}."),
        format!("a column is missing; it can be called: {names}"),
    )
}

fn unknown(kind: Kind, header: &str, place: usize) -> Note {
    let header = &brief(header);
    let wanted = plain(header);
    let names =
        kind.columns().iter().flat_map(|it| [it.es, it.name].into_iter().chain(it.others.iter().copied()));
    let nearest = names
        .map(|name| (strsim::damerau_levenshtein(&wanted, name), name))
        .filter(|(distance, name)| *distance * 3 <= name.len())
        .min();
    let (hint_es, hint_en) = nearest.map_or((String::new(), String::new()), |(_, name)| {
        (format!(" ¿Quiso decir «{name}»?"), format!("; did you mean '{name}'?"))
    });
    let number = place + 1;
    Note::new(
        "unknown_column",
        header,
        format!("La columna {number}, «{header}», no se conoce y no se lee.{hint_es}"),
        format!("column {number}, '{header}', is not known and not read{hint_en}"),
    )
}

/// A column as people call it: in Spanish as templates do, else by its name.
pub(crate) fn column_name(kind: Kind, name: &str, is_spanish: bool) -> String {
    let column = kind.columns().iter().find(|it| is_spanish && it.name == name);
    column.map_or(name, |it| it.es).replace('_', " ")
}

/// A file to begin from: the headers and one row of example, as CSV for spreadsheets, in Spanish or English.
pub fn template(kind: Kind, is_spanish: bool) -> String {
    let quoted = |text: &str| if text.contains([',', '"']) { format!("\"{text}\"") } else { text.to_owned() };
    let line = |cells: Vec<&str>| cells.into_iter().map(quoted).collect::<Vec<_>>().join(",");
    let columns = kind.columns();
    let headers = columns.iter().map(|it| if is_spanish { it.es } else { it.name }).collect();
    let example = columns.iter().map(|it| if is_spanish { it.example.0 } else { it.example.1 }).collect();
    // With the mark by which spreadsheets know UTF-8.
    format!("\u{feff}{}\r\n{}\r\n", line(headers), line(example))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_known_whatever_its_case_accents_and_blanks() {
        for header in ["Código", " CODIGO ", "code", "Clave", "codigo\u{301}"] {
            assert_eq!(known(Kind::Branches, header), Some("code"), "{header}");
        }
        assert_eq!(known(Kind::Staff, "Número de empleado"), Some("employee_no"));
        assert_eq!(known(Kind::Staff, "No. Empleado"), Some("employee_no"));
        assert_eq!(known(Kind::Branches, "teléfono"), None);
    }

    #[test]
    fn no_name_means_two_columns_and_every_name_is_plain() {
        for kind in Kind::ALL {
            let mut seen = BTreeMap::new();
            for it in kind.columns() {
                let names: std::collections::BTreeSet<&str> =
                    [it.es, it.name].into_iter().chain(it.others.iter().copied()).collect();
                for name in names {
                    assert_eq!(plain(name), name);
                    assert_eq!(seen.insert(name, it.name), None, "{kind:?}: {name}");
                }
            }
        }
    }
}
