-- Messages that are to be sent later: items on the author's line, which nobody else sees. The message is sent with the nonce of its
-- row, so that a repeated job finds the first one. A row that was sent or deleted stays without its text: its nonce is known for ever.

create table scheduled (
    user_id uuid not null references users (id),
    nonce uuid not null,
    room_id uuid not null references rooms (id),
    body text not null,
    at timestamptz not null,
    -- `sending`: a server has begun, so the message may be stored already and can no longer be changed.
    state text not null default 'waiting' check (state in ('waiting', 'sending', 'failed', 'sent', 'deleted')),
    -- The number of the refusal, once it has failed.
    failed smallint,
    rev bigint not null,
    primary key (user_id, nonce),
    check ((state = 'failed') = (failed is not null))
);
-- «What have I scheduled?» and how much that is.
create index scheduled_of_person on scheduled (user_id) where state in ('waiting', 'sending', 'failed');
