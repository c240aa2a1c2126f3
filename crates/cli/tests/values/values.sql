-- Tables with the values at the edges of all types.
CREATE SCHEMA s;
SET search_path = s;

CREATE TYPE mood AS ENUM ('it''s, "ok"\', 'sad', '', 'NULL', '{}');
CREATE TYPE pair AS (a integer, "b ""x""" text, c timestamptz);
CREATE TYPE nested AS (p pair, ps pair[], m mood, j json, b jsonb, bytes bytea, f float8, yes boolean, n numeric(5,2), t timestamp, d date);
CREATE TYPE shrunk AS (a integer, gone text, b text);
CREATE DOMAIN small AS numeric(10,2) CHECK (value IS NULL OR value > -1000);
CREATE DOMAIN smaller AS small;
CREATE DOMAIN list AS integer[];
CREATE DOMAIN pairs AS pair;
CREATE DOMAIN many AS pair[];
CREATE TYPE floatrange AS RANGE (subtype = float8);

CREATE TABLE integers (a smallint, b integer, c bigint, d oid, e xid, f cid, g xid8);
INSERT INTO integers VALUES
 (-32768, -2147483648, -9223372036854775808, 0, '0', '0', '0'),
 (32767, 2147483647, 9223372036854775807, 4294967295, '4294967295', '4294967295', '18446744073709551615'),
 (0, -1, 0, NULL, NULL, NULL, NULL), (NULL, NULL, NULL, 1, '1', '1', '1');

CREATE TABLE numerics (a numeric, b numeric(10,2), c numeric(5,-2), d numeric(2,5), e numeric(38,0), f numeric(39,2), g numeric(1000,0), h small, i smaller);
INSERT INTO numerics (a) VALUES ('NaN'), ('Infinity'), ('-Infinity'), (0), (0.0000), (1.50), (1e-20), (1e40), (1e50 + 0.5), (-0.5), (('1' || repeat('0', 131071))::numeric), (('0.' || repeat('3', 16383))::numeric);
INSERT INTO numerics VALUES (1, 'NaN', 1234567, 0.00099, 99999999999999999999999999999999999999, 9999999999999999999999999999999999999.99, repeat('9', 1000)::numeric, 1.5, 2),
 (2, 99999999.99, -100, -0.00099, 0, -1, 0, -999.99, 0), (3, -0.001, 0, 0, -1, 0.1, -1, NULL, 'NaN');

CREATE TABLE floats (a real, b double precision);
INSERT INTO floats VALUES ('NaN', 'NaN'), ('Infinity', 'Infinity'), ('-Infinity', '-Infinity'), ('-0', '-0'), (1e-45, 5e-324), (1.17549435e-38, 2.2250738585072014e-308),
 (3.4028235e38, 1.7976931348623157e308), (16777217, 123456789012345680), (0.1, 0.1), (1e22, 1e22), (1e15, 1e15), (1e16, 1e-5), (123456, 0.0001), (NULL, NULL);

CREATE TABLE moneys (a money, b money[]);
INSERT INTO moneys VALUES ('-92233720368547758.08', '{1,-2}'), (-1, NULL), (0, '{}'), (1234567.89, '{NULL}');

CREATE TABLE texts (a text, b varchar(10), c char(5), d "char", e name, f xml);
INSERT INTO texts VALUES ('', '', '', '', '', ''), (E'\\N', E'\\.', E'\\', E'\\', 'NULL', '<a>"b"</a>'), ('NULL', 'x,y', '"', '"', 'a b', NULL),
 (E'\t\n\r\v\b\f\x01\x7f', E'\n', E'\r', 'a', 'n', E'<a>\n</a>'), (' both ', '  ', 'ab', NULL, NULL, NULL), (U&'\+10FFFF\00e4\2028', 'ö', '日本', E'\x7f', 'größe', '<ö/>'),
 (repeat('long "text"' || E'\n', 10000), 'say "x"', 'a', ',', '/', '&amp;'), (E'\x1f\x1e\x0e', '/', '\/', '{', '}', NULL), (NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO texts (d) SELECT chr(n)::"char" FROM generate_series(1, 127) n;
INSERT INTO texts (a) SELECT chr(n) || 'x' FROM generate_series(1, 300) n;

CREATE TABLE bytes (a bytea, b bytea[]);
INSERT INTO bytes VALUES ('', '{}'), ('\x00ff5c0a', ARRAY['\x00ff'::bytea, '\x5c78', NULL, '']), ('\x5c78', NULL), ('\x61', ARRAY['\x2278'::bytea, '\x27', '\x7b2c7d']), (NULL, NULL);
INSERT INTO bytes (a) SELECT decode(string_agg(lpad(to_hex(n), 2, '0'), ''), 'hex') FROM generate_series(0, 255) n;

CREATE TABLE bits (a boolean, b bit(3), c varbit, d boolean[], e varbit[]);
INSERT INTO bits VALUES (true, B'101', B'', '{t,f,NULL}', '{101,""}'), (false, B'000', B'1', '{}', NULL), (NULL, NULL, NULL, '{{t},{f}}', '{}');

CREATE TABLE dates (a date, b date[]);
INSERT INTO dates VALUES ('infinity', '{infinity,-infinity}'), ('-infinity', '{}'), ('4713-01-01 BC', '{"4713-01-01 BC",NULL}'), ('0001-02-29 BC', NULL), ('0001-12-31 BC', NULL), ('1900-01-01', '{1900-01-01}'),
 ('9999-12-31', NULL), ('10000-01-01', NULL), ('5874897-12-31', '{{5874897-12-31}}'), (NULL, NULL);

CREATE TABLE times (a time, b timetz, c time[], d timetz[], e time(2));
INSERT INTO times VALUES ('00:00', '00:00+00', '{00:00,24:00}', '{}', '1:2:3.456'), ('24:00:00', '24:00:00+15:59:59', NULL, '{12:00+05:30:15,NULL}', NULL), ('23:59:59.999999', '00:00-15:59:59', '{}', NULL, NULL), (NULL, '12:00:00.5+05:30:15', NULL, NULL, NULL);

CREATE TABLE timestamps (a timestamp, b timestamptz, c timestamp[], d timestamptz[], e timestamptz(3));
INSERT INTO timestamps (a, b, c, d, e) SELECT t, CASE WHEN t > '294276-12-31' THEN NULL ELSE t AT TIME ZONE 'UTC' END, ARRAY[t, NULL], ARRAY[NULL, CASE WHEN t > '294276-12-31' THEN NULL ELSE t AT TIME ZONE 'UTC' END], CASE WHEN t > '294276-12-31' THEN NULL ELSE t AT TIME ZONE 'UTC' END FROM (VALUES
 ('infinity'::timestamp), ('-infinity'), ('4713-01-02 00:00:00 BC'), ('0044-03-15 12:00 BC'), ('0001-01-01'), ('0001-12-31 23:59:59.999999 BC'), ('1969-12-31 23:59:59.999999'), ('1500-02-28 01:02:03.1'), ('1800-01-01'), ('1937-07-01 12:00'),
 ('2024-03-31 01:00'), ('2024-07-01 12:00:00.5'), ('2024-07-01 12:00:00.120'), ('294247-01-10 04:00:54.775807'), ('294247-01-10 04:00:54.775808'), ('294276-12-31 22:59:59.999999'), (NULL)) v(t);
INSERT INTO timestamps (b) VALUES ('4714-11-24 00:00:00+00 BC'), ('294276-12-31 23:59:59.999999+00'), ('2024-01-01 00:00:00.1+05:30'), ('10000-01-01 00:00+00');

CREATE TABLE intervals (a interval, b interval[], c interval second(0), d interval year to month);
INSERT INTO intervals VALUES ('0', '{}', '1.5', '1-2'), ('-00:00:00.5', '{1 day}', NULL, NULL), ('1 year 2 mons -3 days +04:05:06.789', '{"1 year 2 mons -3 days +04:05:06.789",NULL}', NULL, NULL),
 ('-1 years -2 mons +3 days -04:05:06.000001', NULL, NULL, NULL), ('178000000 years', NULL, NULL, NULL), ('2562047:47:16.854775', NULL, NULL, NULL), ('2562047788:00:54.775807', NULL, NULL, NULL), (NULL, NULL, NULL, NULL);

CREATE TABLE others (a uuid, b inet, c cidr, d macaddr, e macaddr8, f pg_lsn, g tsvector, h tsquery, i jsonpath, j point, k box, l path, m polygon, n circle, o line, p lseg, q txid_snapshot, r pg_snapshot, t regtype, u tid, v int2vector, w oidvector, x box[], y point[], z uuid[]);
INSERT INTO others VALUES
 ('00000000-0000-0000-0000-000000000000', '0.0.0.0', '0.0.0.0/0', '00:00:00:00:00:00', '00:00:00:00:00:00:00:00', '0/0', '', '', '$', '(0,0)', '(1,1),(0,0)', '[(0,0),(1,1)]', '((0,0),(1,1))', '<(0,0),1>', '{1,2,3}', '[(0,0),(1,1)]', '1:1:', '1:1:', 'integer', '(0,1)', '', '', '{}', '{}', '{}'),
 ('ffffffff-ffff-ffff-ffff-ffffffffffff', '::1', '::ffff:1.2.3.0/120', 'ff:ff:ff:ff:ff:ff', 'ff:ff:ff:ff:ff:ff:ff:ff', 'FFFFFFFF/FFFFFFFF', '''a b'':1A "c":2', 'a & !''b c''', '$."a b"[*] ? (@ > 1)', '(1e300,-0)', NULL, '((0,0),(1,1))', NULL, NULL, NULL, NULL, '10:20:10,14,15', '10:20:10,14,15', 's.mood', '(4294967295,65535)', '1 -2 3', '1 4294967295', '{(1,1),(0,0);(3,3),(2,2)}', '{"(1,2)","(3,4)"}', '{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11,NULL}'),
 (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);

CREATE TABLE jsons (a json, b jsonb, c json[], d jsonb[]);
INSERT INTO jsons VALUES ('{"a" : 1, "a":2}', '{"b": 1.50, "a": [1, null, {"x": "\u00e9\""}]}', ARRAY['{"a":"x,y"}'::json, NULL, 'null', '"s"'], ARRAY['{"k": [1]}'::jsonb, 'null', NULL]),
 ('null', 'null', '{}', '{}'), ('"x"', '"x"', NULL, NULL), (' 1e400 ', '12345678901234567890.123', NULL, NULL), ('"\u0000\ud83d\ude00\/"', '"😀/"', NULL, NULL), (NULL, NULL, NULL, NULL);
INSERT INTO jsons (a, b) SELECT v::json, v::jsonb FROM (SELECT repeat('[', 1000) || repeat(']', 1000) AS v) x;

CREATE TABLE arrays (a integer[], b text[], c numeric[], d mood[], e pair[], f small[], g float8[], h name[], i varchar(5)[], j bigint[][], k oid[], l "char"[], m integer[]);
INSERT INTO arrays VALUES
 ('{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}'),
 ('{NULL}', '{NULL}', '{NULL}', '{NULL}', '{NULL}', '{NULL}', '{NULL}', '{NULL}', '{NULL}', '{NULL}', '{NULL}', '{NULL}', '{NULL}'),
 ('{1,-2,3}', ARRAY['NULL', '', 'a"b', E'\\', 'x,y', '{z}', ' ', E'\n', 'ö'], '{NaN,1.50,Infinity}', ARRAY['it''s, "ok"\', '', 'NULL', '{}']::mood[],
  ARRAY[ROW(1, 'a"b,(c)\d', '2024-07-01 12:00+00'), ROW(NULL, NULL, NULL), NULL, ROW(2, '', 'infinity')]::pair[], '{1.5}', '{NaN,-Infinity,1e-5,-0}', '{a b}', '{""}', '{{1,2},{3,4}}', '{4294967295}', '{a,"\"",""}', '[2:4]={1,2,3}'),
 ('{{1,2,3},{4,5,6}}', '{{a,b},{NULL,"NULL"}}', '{{{1}},{{2}}}', NULL, NULL, NULL, NULL, NULL, NULL, '{{{{1,2},{3,4}},{{5,6},{7,8}}}}', NULL, NULL, '[-1:0][0:1]={{1,2},{3,4}}'),
 (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '[5:5][6:6][7:7]={{{9}}}');

CREATE TABLE composites (a pair, b nested, c nested[], d shrunk, e integers, f pairs, g many);
INSERT INTO composites VALUES (NULL, NULL, NULL, NULL, NULL, NULL, NULL), (ROW(NULL, NULL, NULL), ROW(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL), '{}', ROW(1, 'x', 'y'), ROW(1, 2, 3, 4, '5', '6', '7'), ROW(1, 'x', NULL), ARRAY[ROW(1, 'x', NULL)]::pair[]),
 (ROW(1, '', '2024-07-01 12:00+00'), ROW(ROW(1, 'a"b\c', '4713-01-02 00:00+00 BC'), ARRAY[ROW(2, 'x,(y)', NULL)::pair, NULL], 'it''s, "ok"\', '{"a" : [1]}', '{"b": "x"}', '\x00ff', 'NaN', false, 1.50, '2024-07-01 12:00', '2024-07-01'), NULL, NULL, NULL, ROW(1, '"', 'infinity'), '{}');
INSERT INTO composites (c) SELECT ARRAY[b, NULL, b] FROM composites WHERE b IS NOT NULL;
ALTER TYPE shrunk DROP ATTRIBUTE gone;
ALTER TABLE integers DROP COLUMN f;

CREATE TABLE ranges (a int4range, b int8range, c numrange, d daterange, e tsrange, f int4multirange, g nummultirange, h int4range[], i floatrange);
INSERT INTO ranges VALUES ('empty', '(,)', '(,5.0]', '[2024-01-01,infinity]', '["2024-01-01 00:00:00",infinity)', '{}', '{(,)}', '{"[1,2)",empty,NULL}', '[1.5,NaN]'), ('[1,2)', '[1,)', '[1.50,2)', '(,)', '(,)', '{[1,3),[5,7)}', '{[1.5,2]}', '{}', NULL), (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);

CREATE TABLE domains (a small, b smaller, c list, d list[], e pairs[], f many);
INSERT INTO domains VALUES (1.5, 2, '{1,2}', '{"{1,2}","{}",NULL,"{{3},{4}}"}', '{"(1,x,)",NULL}', ARRAY[ROW(1, 'x', NULL)::pair]), (NULL, NULL, NULL, NULL, NULL, NULL), ('NaN', 0, '{}', '{}', '{}', '{}');

CREATE TABLE nothing ();
INSERT INTO nothing DEFAULT VALUES;
INSERT INTO nothing DEFAULT VALUES;
CREATE TABLE one (a text);
INSERT INTO one VALUES (''), (NULL), ('\.'), (E'\\N'), ('x'), (E'a\nb');
CREATE TABLE generated (a integer, b integer GENERATED ALWAYS AS (a * 2) STORED, c text, d integer GENERATED ALWAYS AS IDENTITY);
INSERT INTO generated (a, c) VALUES (1, 'x'), (2, NULL);
CREATE TABLE only_generated (b integer GENERATED ALWAYS AS (1) STORED);
INSERT INTO only_generated DEFAULT VALUES;
CREATE TABLE "odd "" names" ("a,b" integer, "say ""x""" text, "new
line" text, "größe" integer, "{" integer, "select" integer, "Capital" integer);
INSERT INTO "odd "" names" VALUES (1, 'x', 'y', 2, 3, 4, 5), (NULL, NULL, NULL, NULL, NULL, NULL, NULL);
CREATE TABLE parent (a integer, b text);
CREATE TABLE child (c integer) INHERITS (parent);
ALTER TABLE child ADD COLUMN d boolean;
ALTER TABLE parent ADD COLUMN e timestamptz;
INSERT INTO child VALUES (1, 'x', 2, true, '2024-07-01 12:00+00');
CREATE TABLE typed OF pair;
INSERT INTO typed VALUES (1, 'x', '2024-07-01 12:00+00');
CREATE TABLE parted (k integer, t timestamptz, x numeric(5,1)) PARTITION BY RANGE (k);
CREATE TABLE part_a PARTITION OF parted FOR VALUES FROM (0) TO (10);
CREATE TABLE part_b (x numeric(5,1), t timestamptz, k integer);
ALTER TABLE parted ATTACH PARTITION part_b FOR VALUES FROM (10) TO (20);
INSERT INTO parted VALUES (1, '2024-07-01 12:00+00', 1.5), (11, '2024-07-01 12:00+00', 2.5), (12, NULL, NULL);
CREATE TABLE dropped (a integer, b text, c boolean);
INSERT INTO dropped VALUES (1, 'x', true);
ALTER TABLE dropped DROP COLUMN b;
CREATE TABLE empty (a integer, b text[]);
DO $$ BEGIN EXECUTE 'CREATE TABLE wide (' || (SELECT string_agg(format('c%s %s', n, (ARRAY['integer', 'text', 'boolean', 'numeric(5,2)'])[n % 4 + 1]), ', ') FROM generate_series(1, 1500) n) || ')'; END $$;
INSERT INTO wide (c1, c2, c3, c4, c1500) VALUES ('x', true, 1.5, 1, 2);
