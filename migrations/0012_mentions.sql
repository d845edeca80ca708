-- Who is mentioned in a message, and to which message it replies. Older servers write neither, and pass both over.
alter table messages
    -- What the names in the text meant when it was sent, in the form of the wire: `[["ana", "<user>"], ["everyone", null]]`.
    add column mentions jsonb not null default '[]',
    -- A number of the same room.
    add column reply_to bigint;

-- The same, one row for each person who was in the room; nil stands for everyone. How many messages mention somebody after what they
-- have read is counted from here, by the key, and never from the messages.
create table mentions (
    room_id uuid not null references rooms (id) on delete cascade,
    user_id uuid not null,
    seq bigint not null,
    -- The author: one's own messages are not counted.
    by_id uuid not null,
    primary key (room_id, user_id, seq)
);
