-- What people say about themselves, beyond their name. Empty means that they do not say it. Nothing is searched or sorted by these
-- columns, and they are read one person at a time, by the key of `users`: they need no index, and no table of their own.
alter table users
    add column title text not null default '' check (char_length(title) <= 80),
    add column pronouns text not null default '' check (char_length(pronouns) <= 40),
    -- A name of the tz database, such as `Europe/Berlin`. Not an offset, which changes twice a year. Postgres does not compute with
    -- it: the reader's browser does, so a name that this Postgres does not know is as good as any other.
    add column zone text not null default '' check (char_length(zone) <= 64);

-- From here on a handle can change, so the copy in `members` (0010) changes with it, in the same transaction. Older servers do not
-- change handles, and leave these columns alone.
