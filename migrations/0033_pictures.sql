-- Pictures of people: a small WebP in the blob store. Null: none, so their initials are shown. An object that is replaced goes to
-- `doomed_objects` in the same transaction.
alter table users add column picture uuid;
-- «Is this object somebody's picture now?» No two people share an object.
create unique index users_by_picture on users (picture) where picture is not null;
