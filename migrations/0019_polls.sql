-- Polls. The text of a message is the question.

-- The options and the counts, in the form of the wire (`protocol/src/poll.rs`); null for nearly every message. Part of the message's row,
-- like its reactions: they are only read with it and written under the room's lock. So a page of messages needs no join, a message
-- without a poll costs nothing, and a poll is stored in the same statement as its message. It has at most ten options, so it stays small.
alter table messages add column poll jsonb;

-- Who chose what: for the counts, for the person themselves, and, unless the poll is anonymous, for the members of the room. A vote is an
-- item on the person's line, so the row of one that was taken back stays, without choices.
create table votes (
    room_id uuid not null,
    seq bigint not null,
    user_id uuid not null references users (id),
    -- The places of the options, from 0 on, in order.
    choices smallint[] not null,
    -- On the person's line.
    rev bigint not null,
    primary key (room_id, seq, user_id),
    -- Erases the votes together with the messages of a deleted room, whichever server erases them.
    foreign key (room_id, seq) references messages (room_id, seq) on delete cascade
);

-- The row of a deleted message stays, so its poll and the votes need this. A trigger, and not a statement of the servers: an older one
-- that runs during an upgrade deletes messages, too, and does not know polls.
create function erase_poll() returns trigger language plpgsql as $$
begin
    delete from votes where room_id = new.room_id and seq = new.seq;
    new.poll := null;
    return new;
end
$$;

create trigger erase_poll before update of deleted_at on messages
    for each row when (new.deleted_at is not null and new.poll is not null)
    execute function erase_poll();
