-- Values that stay in the time zone of the session that dumped them, and others that are not as the
-- server has them.
CREATE TABLE zones (a tstzrange, b tstzmultirange, c tstzrange[]);
INSERT INTO zones VALUES ('[2024-07-01 12:00+00,)', '{[2024-07-01 12:00+00,2024-07-02 12:00+00)}', '{"[2024-07-01 12:00+00,)"}');
