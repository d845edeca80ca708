//! Groups of people, as administrators change them.

use protocol::{
    ErrorCode, Handle, Refusal, RoomTitle, User, UserId,
    limits::{GROUP_MEMBERS_MAX, GROUPS_MAX},
};

use super::{Accounts, Error, Viewer};
use crate::{
    chat,
    store::{self, groups::GroupChange},
};

/// Characters of a list of handles: some hundred people at once.
const HANDLES_CHARS_MAX: usize = 2_000;

/// The most people that one change is charged for: the bucket must be able to hold it.
const CHARGED_MAX: u32 = 100;

/// A group and a page of the people in it, for an administrator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupPage {
    /// The group.
    pub group: User,
    /// The people, by name.
    pub people: Vec<User>,
    /// The person after whom the next page begins, if there is one.
    pub next: Option<UserId>,
}

impl Accounts {
    /// All groups.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`].
    pub async fn list_groups(&self, viewer: &Viewer) -> Result<Vec<User>, Error> {
        check(viewer)?;
        Ok(self.node.store.list_groups().await?)
    }

    /// A group, with the people after one of them; `None` if there is no such group.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`].
    pub async fn group(
        &self,
        viewer: &Viewer,
        group: UserId,
        after: Option<UserId>,
    ) -> Result<Option<GroupPage>, Error> {
        check(viewer)?;
        let store = &self.node.store;
        let Some(group) = store.group(group).await? else { return Ok(None) };
        let people = store.list_group(group.id, after).await?;
        let next = people.last().map(|last| last.id).filter(|_| people.len() == protocol::limits::GROUP_PAGE);
        Ok(Some(GroupPage { group, people, next }))
    }

    /// Makes a group, and returns it.
    ///
    /// # Errors
    /// Those of handle and title; [`ErrorCode::Forbidden`], [`ErrorCode::HandleTaken`],
    /// [`ErrorCode::GroupsFull`], [`ErrorCode::SlowDown`].
    pub async fn make_group(&self, viewer: &Viewer, handle: &str, title: &str) -> Result<User, Error> {
        let (handle, title) = self.parse(viewer, handle, title)?;
        let made = self.node.store.create_group(viewer.user.id, &handle, &title).await;
        let group = made.map_err(refused)?;
        tracing::info!(group.id = %group.id, by.id = %viewer.user.id, "made a group");
        chat::profile::tell(&self.node, group.clone());
        Ok(group)
    }

    /// Changes the handle and the title of a group.
    ///
    /// # Errors
    /// As for [`Self::make_group`]; [`ErrorCode::GroupUnknown`].
    pub async fn rename_group(
        &self,
        viewer: &Viewer,
        group: UserId,
        handle: &str,
        title: &str,
    ) -> Result<(), Error> {
        let (handle, title) = self.parse(viewer, handle, title)?;
        let renamed = self.node.store.rename_group(viewer.user.id, group, (&handle, &title)).await;
        if let Some(group) = renamed.map_err(refused)? {
            chat::profile::tell(&self.node, group);
        }
        Ok(())
    }

    /// Adds the people with these handles, which white space or commas separate. If one is not known,
    /// nobody is added.
    ///
    /// # Errors
    /// [`ErrorCode::UserUnknown`] with the unknown handle, [`ErrorCode::Forbidden`],
    /// [`ErrorCode::GroupUnknown`], [`ErrorCode::GroupFull`], [`ErrorCode::SlowDown`].
    pub async fn add_to_group(&self, viewer: &Viewer, group: UserId, people: &str) -> Result<(), Error> {
        check(viewer)?;
        let fault = |refusal: Refusal| Error::Refused { field: "people", refusal };
        if people.chars().count() > HANDLES_CHARS_MAX {
            return Err(fault(Refusal::new(ErrorCode::TextTooLong).max(HANDLES_CHARS_MAX)));
        }
        let written = people.split(|c: char| c.is_whitespace() || ",;，、；".contains(c));
        let mut handles = Vec::new();
        for handle in written.filter(|handle| !handle.is_empty()) {
            let handle = Handle::parse(handle).map_err(fault)?.into_string();
            if !handles.contains(&handle) {
                handles.push(handle);
            }
        }
        if handles.is_empty() {
            return Err(Error::refused("people", ErrorCode::TextEmpty));
        }
        self.charge_people(viewer, handles.len())?;
        let found = self.node.store.find_handles(&handles).await?;
        let unknown = handles.iter().find(|handle| !found.iter().any(|user| user.handle == **handle));
        if let Some(handle) = unknown {
            return Err(fault(Refusal::new(ErrorCode::UserUnknown).detail(format!("@{handle}"))));
        }
        let people: Vec<UserId> = found.iter().map(|user| user.id).collect();
        let added = self.node.store.add_to_group(viewer.user.id, group, &people).await;
        self.tell(added.map_err(refused)?);
        Ok(())
    }

    /// Removes someone from a group.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`], [`ErrorCode::GroupUnknown`], [`ErrorCode::SlowDown`].
    pub async fn remove_from_group(&self, viewer: &Viewer, group: UserId, user: UserId) -> Result<(), Error> {
        check(viewer)?;
        self.charge_people(viewer, 1)?;
        let removed = self.node.store.remove_from_group(viewer.user.id, group, user).await;
        self.tell(removed.map_err(refused)?);
        Ok(())
    }

    /// Deletes a group.
    ///
    /// # Errors
    /// As for [`Self::remove_from_group`].
    pub async fn delete_group(&self, viewer: &Viewer, group: UserId) -> Result<(), Error> {
        check(viewer)?;
        self.charge(viewer)?;
        let deleted = self.node.store.delete_group(viewer.user.id, group).await.map_err(refused)?;
        tracing::info!(group.id = %group, by.id = %viewer.user.id, "deleted a group");
        self.tell(Some(deleted));
        Ok(())
    }

    fn parse(&self, viewer: &Viewer, handle: &str, title: &str) -> Result<(Handle, RoomTitle), Error> {
        check(viewer)?;
        let title = RoomTitle::parse(title).map_err(|refusal| Error::Refused { field: "title", refusal })?;
        let handle = Handle::parse(handle).map_err(|refusal| Error::Refused { field: "handle", refusal })?;
        self.charge(viewer)?;
        Ok((handle, title))
    }

    /// Each change goes to everyone, like a new name.
    fn charge(&self, viewer: &Viewer) -> Result<(), Error> {
        self.node.charge_rename(viewer.user.id).map_err(|refusal| Error::refused("", refusal))
    }

    fn charge_people(&self, viewer: &Viewer, count: usize) -> Result<(), Error> {
        let count = u32::try_from(count).unwrap_or(u32::MAX).min(CHARGED_MAX);
        self.node.charge_regroup(viewer.user.id, count).map_err(|refusal| Error::refused("", refusal))
    }

    fn tell(&self, change: Option<GroupChange>) {
        if let Some(change) = change {
            chat::groups::tell(&self.node, change);
        }
    }
}

/// The store asks again, under its lock.
fn check(viewer: &Viewer) -> Result<(), Error> {
    chat::access::check_administer(viewer.user.role).map_err(|code| Error::refused("", code))
}

/// The field of a refusal of the store, and the limit that it names.
fn refused(error: store::Error) -> Error {
    let store::Error::Refused(code) = error else { return Error::Store(error) };
    let refusal = Refusal::new(code);
    if code == ErrorCode::HandleTaken {
        Error::refused("handle", refusal)
    } else if code == ErrorCode::GroupsFull {
        Error::refused("", refusal.max(GROUPS_MAX))
    } else if code == ErrorCode::GroupFull {
        Error::refused("people", refusal.max(GROUP_MEMBERS_MAX))
    } else {
        Error::refused("", refusal)
    }
}
