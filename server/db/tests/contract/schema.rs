//! The two schemas say the same, and what must never change is refused by the databases themselves.

use crate::audits::one_of_everything;
use crate::database::{self, TestDb};
use crate::on_both;

const SQLITE_COLUMNS: &str = "
    SELECT m.name || '.' || p.name || ' ' || p.type || CASE p.\"notnull\" WHEN 1 THEN ' NO' ELSE ' YES' END AS line
    FROM sqlite_master m, pragma_table_info(m.name) p
    WHERE m.type = 'table' AND m.name NOT LIKE '%diesel%' AND m.name NOT LIKE 'sqlite%'";

const POSTGRES_COLUMNS: &str = "
    SELECT table_name || '.' || column_name || ' ' || CASE data_type
        WHEN 'uuid' THEN 'BLOB' WHEN 'bytea' THEN 'BLOB'
        WHEN 'bigint' THEN 'INTEGER' WHEN 'boolean' THEN 'INTEGER' WHEN 'timestamp with time zone' THEN 'INTEGER'
        WHEN 'text' THEN 'TEXT' ELSE data_type END || ' ' || is_nullable AS line
    FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE '%diesel%'";

const SQLITE_KEYS: &str = "
    SELECT 'p ' || m.name || '(' || (SELECT group_concat(name) FROM
        (SELECT name FROM pragma_table_info(m.name) WHERE pk > 0 ORDER BY pk)) || ')' AS line
    FROM sqlite_master m
    WHERE m.type = 'table' AND m.name NOT LIKE '%diesel%' AND m.name NOT LIKE 'sqlite%'
    UNION ALL
    SELECT CASE l.origin WHEN 'u' THEN 'u ' ELSE 'i ' || l.name || ' ' END || m.name || '('
        || (SELECT group_concat(name) FROM (SELECT name FROM pragma_index_info(l.name) ORDER BY seqno)) || ')' AS line
    FROM sqlite_master m, pragma_index_list(m.name) l
    WHERE m.type = 'table' AND l.origin <> 'pk' AND m.name NOT LIKE '%diesel%'
    UNION ALL
    SELECT 'f ' || name || '(' || group_concat(\"from\") || ') ' || \"table\" || '(' || group_concat(\"to\") || ')' AS line
    FROM (SELECT m.name, f.id, f.\"table\", f.\"from\", f.\"to\" FROM sqlite_master m, pragma_foreign_key_list(m.name) f
          WHERE m.type = 'table' ORDER BY m.name, f.id, f.seq)
    GROUP BY name, id";

const POSTGRES_KEYS: &str = "
    SELECT CASE WHEN contype = 'f'
        THEN 'f ' || conrelid::regclass || '(' || own.names || ') ' || confrelid::regclass || '(' || other.names || ')'
        ELSE contype::text || ' ' || conrelid::regclass || '(' || own.names || ')' END AS line
    FROM pg_constraint,
        LATERAL (SELECT string_agg(attname, ',' ORDER BY place) AS names FROM unnest(conkey) WITH ORDINALITY k(att, place)
                 JOIN pg_attribute ON attrelid = conrelid AND attnum = k.att) own,
        LATERAL (SELECT string_agg(attname, ',' ORDER BY place) AS names FROM unnest(confkey) WITH ORDINALITY k(att, place)
                 JOIN pg_attribute ON attrelid = confrelid AND attnum = k.att) other
    WHERE contype IN ('p', 'u', 'f') AND connamespace = 'public'::regnamespace
        AND conrelid::regclass::text NOT LIKE '%diesel%'
    UNION ALL
    SELECT 'i ' || indexrelid::regclass || ' ' || indrelid::regclass || '(' || (
        SELECT string_agg(attname, ',' ORDER BY place) FROM unnest(indkey::int[]) WITH ORDINALITY k(att, place)
        JOIN pg_attribute ON attrelid = indrelid AND attnum = k.att) || ')' AS line
    FROM pg_index JOIN pg_class ON pg_class.oid = indrelid
    WHERE relnamespace = 'public'::regnamespace
        AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype IN ('p', 'u'))";

fn schema(db: &TestDb) -> Vec<String> {
    let (columns, keys) =
        if db.is_sqlite() { (SQLITE_COLUMNS, SQLITE_KEYS) } else { (POSTGRES_COLUMNS, POSTGRES_KEYS) };
    [db.lines(columns), db.lines(keys)].concat()
}

fn first_of_table(db: &TestDb) -> &'static str {
    if db.is_sqlite() {
        "SELECT m.name || ' ' || p.name AS line FROM sqlite_master m, pragma_table_info(m.name) p
         WHERE m.type = 'table' AND p.cid = 0 AND m.name NOT LIKE '%diesel%'"
    } else {
        "SELECT table_name || ' ' || column_name AS line FROM information_schema.columns
         WHERE table_schema = 'public' AND ordinal_position = 1 AND table_name NOT LIKE '%diesel%'"
    }
}

#[test]
fn both_schemas_have_the_same_tables_columns_keys_and_indexes() {
    let (sqlite, postgres) = (schema(&database::sqlite()), schema(&database::postgres()));
    let only_sqlite: Vec<_> = sqlite.iter().filter(|it| !postgres.contains(it)).collect();
    let only_postgres: Vec<_> = postgres.iter().filter(|it| !sqlite.contains(it)).collect();
    assert!(
        only_sqlite.is_empty() && only_postgres.is_empty(),
        "SQLite only: {only_sqlite:#?}\nPostgreSQL only: {only_postgres:#?}"
    );
    assert!(sqlite.len() > 300, "{} lines compared", sqlite.len());
}

on_both! {
    fn every_table_of_an_organization_begins_with_it(db) {
        let others: Vec<String> =
            db.lines(first_of_table(db)).into_iter().filter(|it| !it.ends_with(" org_id")).collect();
        assert_eq!(others, ["meta key"]);
    }

    fn every_migration_can_be_taken_back_and_run_again(db) {
        let before = schema(db);
        db.revert_everything().unwrap();
        assert_eq!(schema(db), [""; 0]);
        db.migrate().unwrap();
        assert_eq!(schema(db), before);
        db.migrate().unwrap();
        assert_eq!(schema(db), before);
    }

    fn facts_are_neither_edited_nor_removed(db) {
        one_of_everything(db);
        for (table, edit) in [
            // A redaction may take a value out of these two, and nothing else.
            ("segments", "epoch = epoch + 1"),
            ("score_versions", "final_hundredths = 1"),
            ("visit_events", "org_id = org_id"),
            ("kpi_observations", "org_id = org_id"),
            ("standard_assessments", "org_id = org_id"),
            ("audit_log", "org_id = org_id"),
        ] {
            for sql in [format!("UPDATE {table} SET {edit}"), format!("DELETE FROM {table}")] {
                let outcome = db.execute(&sql);
                assert!(
                    matches!(&outcome, Err(why) if why.contains("append-only")),
                    "{sql}: {outcome:?}"
                );
            }
        }
    }
}
