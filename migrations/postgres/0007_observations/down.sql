DROP TABLE standard_assessments;
DROP TABLE kpi_observations;
