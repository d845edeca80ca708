-- Files. Their bytes are in the blob store, a folder or a bucket; here is what they are, and who may read them.

-- Stored bytes, once for each content, however many files have it.
create table blobs (
    -- SHA-256 of the content.
    hash bytea primary key check (octet_length(hash) = 32),
    -- The object in the blob store.
    object uuid not null unique,
    size bigint not null check (size >= 0),
    -- The media type, as found in the content.
    media text not null,
    -- A picture: its pixels as it is shown, its blurred copy (thumbhash), and the objects with its smaller copies. Null if it is none, or
    -- could not be drawn.
    width int,
    height int,
    blur bytea,
    small uuid,
    large uuid,
    created_at timestamptz not null default now()
);

-- A file: bytes under the name that its owner gave them. It has the id of its upload.
create table files (
    id uuid primary key,
    owner_id uuid not null references users (id),
    hash bytea not null references blobs (hash),
    name text not null,
    -- As in `blobs`: a person's space is summed up without a join.
    size bigint not null,
    created_at timestamptz not null default now()
);
create index files_of_owner on files (owner_id) include (size);
-- «Is this content still in use?»
create index files_of_blob on files (hash);
-- What was never sent, oldest first.
create index files_by_age on files (created_at);

-- The messages that a file is attached to: several if it was forwarded. This alone decides who may read the file: the members of these
-- rooms. Deleting the message or the room deletes the row.
create table attachments (
    file_id uuid not null references files (id),
    room_id uuid not null,
    seq bigint not null,
    primary key (file_id, room_id, seq),
    foreign key (room_id, seq) references messages (room_id, seq) on delete cascade
);
create index attachments_of_message on attachments (room_id, seq);

-- What a message shows of its files (`protocol::File`), in their order. Null: none.
alter table messages add column files jsonb;

-- A trigger, and not a statement of the servers: an older one that runs during an upgrade deletes messages, too, and does not know files.
create function erase_attachments() returns trigger language plpgsql as $$
begin
    new.files := null;
    delete from attachments where room_id = new.room_id and seq = new.seq;
    return new;
end
$$;
create trigger erase_attachments before update of deleted_at on messages
    for each row when (old.deleted_at is null and new.deleted_at is not null)
    execute function erase_attachments();

-- Uploads that are not complete. The bytes come in parts, each an object of the blob store: a part is here once it is stored, so every
-- server knows how much there is.
create table uploads (
    id uuid primary key,
    owner_id uuid not null references users (id),
    name text not null,
    length bigint not null check (length >= 0),
    -- The sum of its parts.
    received bigint not null default 0 check (received <= length),
    created_at timestamptz not null default now(),
    -- When its last part was stored.
    active_at timestamptz not null default now()
);
create index uploads_of_owner on uploads (owner_id);
create index uploads_by_age on uploads (active_at);

create table upload_parts (
    upload_id uuid not null references uploads (id),
    -- Where it begins.
    start bigint not null,
    size bigint not null check (size > 0),
    object uuid not null,
    primary key (upload_id, start)
);

-- Objects that nothing refers to any more, until they are deleted from the blob store. A row is written in the transaction that drops the
-- last reference, or before an object is stored whose reference comes later, so no failure leaves bytes behind that nobody knows of.
create table doomed_objects (
    object uuid primary key,
    -- Not before this time: whoever is storing or reading the object may need it until then.
    after timestamptz not null,
    -- A server is deleting it: too late to refer to it.
    deleting boolean not null default false
);
create index doomed_objects_due on doomed_objects (after);
