-- Forwarded messages. A message may carry a copy of another one, as it was when it was forwarded: its text, where it was, and who wrote
-- it if that is no secret, in the form of the wire. The copy belongs to the message: nothing that happens to the original changes it, so
-- there is nothing to look up, no key and no index. Older servers pass it over and show only the comment.
alter table messages add column forward jsonb;

-- Who deletes a forward deletes the copy. A trigger, and not a statement of the servers: an older one that runs during an upgrade
-- deletes messages, too, and does not know this column.
create function erase_forward() returns trigger language plpgsql as $$
begin
    new.forward := null;
    return new;
end
$$;

create trigger erase_forward before update of deleted_at on messages
    for each row when (old.deleted_at is null and new.deleted_at is not null and old.forward is not null)
    execute function erase_forward();
