//! From a standard file to its type; what is wrong is told and a stand-in goes on.

use domain::standard::{
    Band, Criterion, Dimension, Gate, GateCondition, Part, PartRules, PercentRounding, RatingRules, Section,
    Standard,
};

use crate::{
    figures::{points, rule},
    read::Cursor,
};

pub(super) fn standard(cursor: &Cursor<'_>) -> Standard {
    let mut fields = cursor.fields();
    let standard = Standard {
        schema: fields.required("schema", Cursor::text),
        id: fields.required("id", Cursor::text),
        version: fields.required("version", Cursor::integer),
        total_points: fields.required("total_points", Cursor::integer),
        title: fields.required("title", Cursor::local_text),
        rating: fields.required("rating", rating),
        bands: fields.required("bands", |it| it.list(band)),
        gates: fields.required("gates", |it| it.list(gate)),
        sections: fields.required("sections", |it| it.list(section)),
    };
    fields.finish();
    standard
}

fn rating(cursor: &Cursor<'_>) -> RatingRules {
    let mut fields = cursor.fields();
    let rules = RatingRules {
        enablers: fields.required("enablers", part_rules),
        results: fields.required("results", part_rules),
    };
    fields.finish();
    rules
}

fn part_rules(cursor: &Cursor<'_>) -> PartRules {
    let mut fields = cursor.fields();
    let rules = PartRules {
        dimensions: fields.required("dimensions", |it| it.list(dimension)),
        levels: fields.optional("levels", |it| it.list(Cursor::integer)).unwrap_or_default(),
        round: fields.required("round", |it| {
            it.choice(&[("floor_int", PercentRounding::FloorInt)], PercentRounding::FloorInt)
        }),
    };
    fields.finish();
    rules
}

fn dimension(cursor: &Cursor<'_>) -> Dimension {
    let mut fields = cursor.fields();
    let dimension = Dimension {
        id: fields.required("id", Cursor::text),
        weight: fields.required("weight", Cursor::integer),
    };
    fields.finish();
    dimension
}

fn band(cursor: &Cursor<'_>) -> Band {
    let mut fields = cursor.fields();
    let band = Band {
        id: fields.required("id", Cursor::text),
        min: fields.required("min", Cursor::integer),
        es: fields.required("es", Cursor::text),
        en: fields.required("en", Cursor::text),
    };
    fields.finish();
    band
}

fn gate(cursor: &Cursor<'_>) -> Gate {
    const CONDITIONS: [(&str, GateCondition); 3] = [
        ("any_ko_open", GateCondition::AnyKoOpen),
        ("any_criterion_zero", GateCondition::AnyCriterionZero),
        ("any_section_below_pct", GateCondition::AnySectionBelowPct),
    ];
    let mut fields = cursor.fields();
    let gate = Gate {
        id: fields.required("id", Cursor::text),
        when: fields.required("when", |it| it.choice(&CONDITIONS, GateCondition::AnyKoOpen)),
        pct: fields.optional("pct", Cursor::integer),
        max_points: fields.required("max_points", Cursor::integer),
        es: fields.required("es", Cursor::text),
        en: fields.required("en", Cursor::text),
    };
    fields.finish();
    gate
}

fn section(cursor: &Cursor<'_>) -> Section {
    const PARTS: [(&str, Part); 2] = [("habilitadores", Part::Enablers), ("resultados", Part::Results)];
    let mut fields = cursor.fields();
    let section = Section {
        id: fields.required("id", Cursor::text),
        part: fields.required("part", |it| it.choice(&PARTS, Part::Enablers)),
        points: fields.required("points", Cursor::integer),
        title: fields.required("title", Cursor::local_text),
        criteria: fields.required("criteria", |it| it.list(criterion)),
    };
    fields.finish();
    section
}

fn criterion(cursor: &Cursor<'_>) -> Criterion {
    let mut fields = cursor.fields();
    let criterion = Criterion {
        id: fields.required("id", Cursor::text),
        points: fields.required("points", Cursor::integer),
        ko: fields.flag("ko"),
        ko_rule: fields.optional("ko_rule", rule).flatten(),
        es: fields.required("es", Cursor::text),
        en: fields.required("en", Cursor::text),
        evidence: fields.optional("evidence", |it| it.list(Cursor::text)).unwrap_or_default(),
        metric: fields.optional("metric", Cursor::text),
        curve: fields.optional("curve", points).unwrap_or_default(),
    };
    fields.finish();
    criterion
}
