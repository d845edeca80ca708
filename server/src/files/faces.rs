//! The pictures of people.

use bytes::Bytes;
use protocol::{ErrorCode, PictureId, Refusal, User, UserId};
use uuid::Uuid;

use super::{Error, Files};
use crate::blobs::Content;

impl Files {
    /// Draws a picture and makes it this person's; returns their new profile.
    ///
    /// # Errors
    /// [`ErrorCode::PictureInvalid`]; or when the store or the database fails.
    pub async fn set_face(&self, owner: UserId, bytes: Bytes) -> Result<Option<User>, Error> {
        let face = self.pictures.draw_face(bytes).await;
        let face = face.ok_or_else(|| Error::Refused(Refusal::new(ErrorCode::PictureInvalid)))?;
        let object = Uuid::new_v4();
        self.announce(vec![object]).await?;
        self.blobs.put(object, Bytes::from(face)).await?;
        self.change_face(owner, Some(PictureId(object))).await
    }

    /// Removes someone's picture; returns their new profile if they had one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn remove_face(&self, owner: UserId) -> Result<Option<User>, Error> {
        self.change_face(owner, None).await
    }

    async fn change_face(&self, owner: UserId, face: Option<PictureId>) -> Result<Option<User>, Error> {
        let store = self.node.store.clone();
        self.ask("a picture of a person", async move { store.set_picture(owner, face).await }).await
    }

    /// The bytes of somebody's picture.
    ///
    /// # Errors
    /// [`Error::Unknown`] if it is nobody's.
    pub async fn face(&self, id: PictureId) -> Result<Content, Error> {
        let store = self.node.store.clone();
        if !self.ask("a picture of a person", async move { store.is_picture(id).await }).await? {
            return Err(Error::Unknown);
        }
        self.read(id.0, None).await
    }
}
