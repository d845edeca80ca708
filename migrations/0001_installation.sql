-- The place itself: exactly one row, made here.
create table installation (
    -- A table with one possible key has at most one row.
    only_row boolean primary key default true check (only_row),
    -- This database's life. Positions in rooms are void when it changes: whoever restores a backup sets a new one
    -- (update installation set epoch = gen_random_uuid()), and every browser begins again.
    epoch uuid not null default gen_random_uuid(),
    -- What the place is called; empty until the first person has named it.
    place text not null default '' check (char_length(place) <= 80),
    -- The channel that newcomers join. No foreign key: rooms come in a later migration, and a channel that is
    -- gone must not keep anyone from signing up.
    first_channel uuid,
    created_at timestamptz not null default now()
);

insert into installation default values;
