-- Threads: replies below a message, its root. A reply is a message of the room, with a number of the room's line. Older servers write
-- no replies, and pass them over.

alter table messages
    -- The number of the root, and which of its replies this is, counted from 1 without gaps.
    add column thread_root bigint,
    add column thread_nth int,
    -- A reply that is also shown in the room.
    add column in_room boolean not null default false;

-- What a root says about its thread, one narrow row for each: a message is read without looking at its replies.
create table threads (
    room_id uuid not null references rooms (id),
    root bigint not null,
    -- How many replies there are, including deleted ones.
    replies int not null,
    last_seq bigint not null,
    -- To the millisecond, as it travels: a list of threads goes on from there.
    last_at timestamptz(3) not null,
    -- Who replied last, in the form of the wire: `[["<user>", 8]]`.
    authors jsonb not null,
    primary key (room_id, root)
);
-- All threads of a room, the one with the newest reply first.
create index threads_of_room on threads (room_id, last_at desc, root desc);

-- Which message is which reply: a page of a thread is a range of this key. A table of its own, because an index on the large table
-- of messages could not be built without locking it.
create table thread_replies (
    room_id uuid not null,
    root bigint not null,
    nth int not null,
    seq bigint not null,
    author_id uuid not null,
    primary key (room_id, root, nth)
);

-- Who follows which thread: items on the person's line. The row of somebody who no longer follows stays: the person's other devices
-- catch up on that change, and a later reply does not make them follow again.
create table followed_threads (
    user_id uuid not null references users (id),
    room_id uuid not null references rooms (id),
    root bigint not null,
    following boolean not null,
    rev bigint not null,
    primary key (user_id, room_id, root)
);
