-- What people are writing and have not sent yet: items on the person's line, which nobody else sees. The row of a draft that was sent or
-- discarded stays without its text, because that is a change which the person's other devices catch up on.

create table drafts (
    user_id uuid not null references users (id),
    room_id uuid not null references rooms (id),
    -- The root of the thread; 0 for the room itself.
    root bigint not null,
    -- Empty once it was sent or discarded.
    body text not null,
    rev bigint not null,
    primary key (user_id, room_id, root)
);
-- «What am I writing?» and how much that is.
create index drafts_of_person on drafts (user_id) where body <> '';
