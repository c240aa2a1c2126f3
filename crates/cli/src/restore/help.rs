//! The text of `--help`.

/// What `--help` prints, under the command that was typed.
pub(super) fn text(command: &str) -> String {
    format!(
        "\
{command} turns an archive of pg_dump into SQL.

Usage:
  {command} [OPTION]... [FILE]

General options:
  -d, --dbname=NAME        restore into this database (not yet)
  -f, --file=FILENAME      write the SQL there (- for standard output)
  -F, --format=c|d|t       the archive's format (it is recognised without)
  -l, --list               print the table of contents
  -v, --verbose            say more, here and in the SQL
  -V, --version            print the version
  -?, --help               print this help

What to restore:
  -a, --data-only              data, no definitions
  -C, --create                 the database itself, too
  -I, --index=NAME             this index
  -L, --use-list=FILENAME      what this list names, in its order
  -n, --schema=NAME            what is in this schema
  -N, --exclude-schema=NAME    nothing that is in this schema
  -P, --function=NAME(args)    this function
  -s, --schema-only            definitions, no data
  -t, --table=NAME             this table, view, sequence or the like
  -T, --trigger=NAME           this trigger ('table trigger')
  -x, --no-privileges          no GRANT and REVOKE
  --filter=FILENAME            what this file includes and excludes
  --no-comments                no comments
  --no-data                    no data
  --no-policies                no row security policies
  --no-publications            no publications
  --no-schema                  no definitions
  --no-security-labels         no security labels
  --no-statistics              no statistics
  --no-subscriptions           no subscriptions
  --section=SECTION            only pre-data, data, or post-data
  --statistics                 statistics, too
  --statistics-only            statistics alone
  --strict-names               fail if a name matches nothing

How to restore it:
  -1, --single-transaction     in one transaction
  -c, --clean                  drop everything first
  -e, --exit-on-error          stop at the first error
  -j, --jobs=NUM               with so many connections
  -O, --no-owner               leave everything to whoever restores
  -S, --superuser=NAME         who may disable triggers
  --disable-triggers           without triggers, if only data is restored
  --enable-row-security        with row security
  --if-exists                  drop only what exists
  --no-data-for-failed-tables  no data for tables that were not created
  --no-table-access-method     with the default table access method
  --no-tablespaces             in the default tablespace
  --restrict-key=KEY           the key of psql's \\restrict (else random)
  --role=ROLENAME              as this role
  --transaction-size=N         in transactions of N objects
  --use-set-session-authorization
                               let owners make their objects, instead of
                               giving them away

What pg_restore cannot do:
  --with-dependencies      with all that the chosen objects need
  --with-dependents        with all that belongs to them (indexes, data, ...)
  --explain                print what is taken and left out, and why
  --explain-json           the same for machines, a line for each entry
  --target-version=N       for an older server, with warnings
  --map-owner=OLD=NEW      another role (several times)
  --map-schema=OLD=NEW     another schema, if nothing is in doubt
  --map-tablespace=OLD=NEW another tablespace
  --map-unproved, --force  map schemas although something is in doubt
  --for=SERVICE            for rds, cloudsql, azure or supabase
                           (--managed-service, if called pg_restore)
-t, -I, -n, -N, -P and -T take names as pg_restore does; and if there is no
such name, schema.name and patterns with * and ?, quoted as in psql.

Connection:
  -h, --host=HOSTNAME      server or directory of its socket
  -p, --port=PORT          port of the server
  -U, --username=NAME      user to connect as
  -w, --no-password        never ask for a password
  -W, --password           ask for a password

-I, -n, -N, -P, -t, -T and --section may be given several times and together.
Without FILE the archive is read from standard input.
"
    )
}

#[cfg(test)]
mod tests {
    #[test]
    fn lines_fit_a_terminal() {
        assert!(super::text("pg_restore").lines().all(|line| line.len() <= 80));
    }
}
