-- Messages that somebody saved for later, with their reminders: items on the person's line. The row of one that is no longer
-- saved stays, because that is a change which the person's other devices catch up on. The text is not here: it is read where it
-- is, by those who may.

create table saved (
    user_id uuid not null references users (id),
    room_id uuid not null references rooms (id),
    seq bigint not null,
    at timestamptz not null default now(),
    remind_at timestamptz,
    -- That time has come.
    due boolean not null default false,
    saved boolean not null,
    rev bigint not null,
    primary key (user_id, room_id, seq)
);
-- «What have I saved?» and how much that is.
create index saved_of_person on saved (user_id) where saved;
