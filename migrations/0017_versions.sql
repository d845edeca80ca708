-- The earlier texts of edited messages, for the members of their rooms. The current text stays in `messages`, and so does the number of
-- its edits. At most 100 texts of a message are kept, with the current one: the first and the newest (`VERSIONS_MAX`).

create table versions (
    room_id uuid not null,
    seq bigint not null,
    -- How many edits led to this text: 0 for the first one. An older server counts its edits, but keeps no text: a number is then missing.
    edits int not null,
    body text not null,
    -- Null if an older server made the edit before it.
    written_at timestamptz,
    -- When the next text was written.
    replaced_at timestamptz not null default now(),
    primary key (room_id, seq, edits),
    -- Erases the texts together with the messages of a deleted room, whichever server erases them.
    foreign key (room_id, seq) references messages (room_id, seq) on delete cascade
);

-- The row of a deleted message stays, so its earlier texts need this. A trigger, and not a statement of the servers: an older one that
-- runs during an upgrade deletes messages, too, and does not know this table.
create function erase_versions() returns trigger language plpgsql as $$
begin
    delete from versions where room_id = new.room_id and seq = new.seq;
    return null;
end
$$;

create trigger erase_versions after update of deleted_at on messages
    for each row when (old.deleted_at is null and new.deleted_at is not null)
    execute function erase_versions();
