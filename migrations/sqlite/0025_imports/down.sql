DROP TABLE kpi_retractions;
DROP TABLE import_rows;
DROP TABLE imports;
