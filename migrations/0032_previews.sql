-- Previews of links: what the pages say of themselves. Jobs fetch them, of the kind `preview` (`store/jobs.rs`).

-- Pictures of pages, each as a copy that the server has drawn.
create table page_pictures (
    -- Names it in its address, and the object in the blob store.
    id uuid primary key,
    created_at timestamptz not null default now()
);

-- Pages, by their address: one that a thousand messages link to is fetched once.
create table pages (
    -- SHA-256 of the address, without its fragment.
    hash bytea primary key check (octet_length(hash) = 32),
    -- What the page says of itself (`protocol::LinkPreview`). Null: it could not be read, or says nothing.
    preview jsonb,
    picture_id uuid references page_pictures (id),
    -- Until then this is believed, also a failure. Later the next message has the page fetched again.
    expires_at timestamptz not null,
    -- A server is fetching the page until then; others wait for it.
    fetching_until timestamptz
);
create index pages_by_expiry on pages (expires_at);
-- «Does a page still have this picture?»
create index pages_of_picture on pages (picture_id) where picture_id is not null;

-- The messages that show a picture. This alone decides who may see it: the members of these rooms. Deleting the message or the room
-- deletes the row.
create table shown_pictures (
    picture_id uuid not null references page_pictures (id),
    room_id uuid not null,
    seq bigint not null,
    primary key (picture_id, room_id, seq),
    foreign key (room_id, seq) references messages (room_id, seq) on delete cascade
);
create index shown_pictures_of_message on shown_pictures (room_id, seq);

alter table messages
    -- What a message shows of its links, in their order (an array of `protocol::LinkPreview`). Null: nothing.
    add column previews jsonb,
    -- The addresses whose previews were removed: they do not come back.
    add column removed_previews text[];

-- A trigger, and not a statement of the servers: an older one that runs during an upgrade deletes messages, too, and does not know previews.
create function erase_previews() returns trigger language plpgsql as $$
begin
    new.previews := null;
    new.removed_previews := null;
    delete from shown_pictures where room_id = new.room_id and seq = new.seq;
    return new;
end
$$;
create trigger erase_previews before update of deleted_at on messages
    for each row when (old.deleted_at is null and new.deleted_at is not null and (old.previews is not null or old.removed_previews is not null))
    execute function erase_previews();
