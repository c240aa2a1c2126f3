-- Values that only newer servers have. A test gives it to each of them, without what is beyond it.
SET search_path = s;
--@if >=16
CREATE TABLE spaced (a json, b integer[]);
INSERT INTO spaced VALUES ('{"a":	"b\u007f"}', '{0x10,1_000}');
--@endif
--@if >=17
CREATE TABLE endless (a interval, b interval[], c interval second(0), d interval year to month);
INSERT INTO endless VALUES ('infinity', '{infinity,-infinity,1 day}', '-infinity', 'infinity'), ('-infinity', NULL, NULL, NULL);
--@endif
--@if >=18
CREATE TABLE computed (a integer, v integer GENERATED ALWAYS AS (a * 2), b text NOT NULL, w text GENERATED ALWAYS AS (b || 'x') STORED, c uuid, CONSTRAINT named NOT NULL a);
INSERT INTO computed (a, b, c) VALUES (1, 'x', '01890a5d-ac96-774b-bcce-b302099a8057'), (2, '', NULL);
CREATE TABLE periods (id int4range, at daterange, t timestamptz, CONSTRAINT periods_key PRIMARY KEY (id, at WITHOUT OVERLAPS));
INSERT INTO periods VALUES ('[1,2)', '[2024-01-01,2024-02-01)', '2024-07-01 12:00+00'), ('[1,2)', '[2024-02-01,infinity)', NULL);
CREATE TABLE only_computed (v integer GENERATED ALWAYS AS (1), CONSTRAINT c CHECK (v > 0));
INSERT INTO only_computed DEFAULT VALUES;
--@endif
