//! Pictures: their size, a blurred copy, and smaller copies.
//!
//! A picture comes from a stranger's device, so it is decoded under limits, on a thread of its own, and a decoder that panics harms
//! nothing else. What cannot be decoded is a file like any other.
//!
//! Law: the copies have the pixels only, and nothing that a camera wrote beside them, such as the place. Their orientation is applied.

use std::{
    io::Cursor,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use image::{
    AnimationDecoder as _, DynamicImage, ImageDecoder, ImageFormat, ImageReader, ImageResult, Limits, Rgba,
    RgbaImage,
    codecs::{gif::GifDecoder, png::PngDecoder, webp::WebPDecoder},
    imageops::{self, FilterType},
};
use protocol::limits::{PICTURE_LARGE_PX, PICTURE_SMALL_PX};
use tokio::sync::Semaphore;

/// A file that is larger is not looked at.
pub const BYTES_MAX: u64 = 64 * 1024 * 1024;
/// The most pixels.
const PIXELS_MAX: u64 = 120_000_000;
/// The largest decoded picture, in bytes.
const DECODED_MAX: u64 = 512 * 1024 * 1024;
/// Of pictures that are larger than this when decoded, in bytes, only one is decoded at a time.
const LARGE_DECODED: u64 = 64 * 1024 * 1024;
/// The largest decoded picture of a linked page, in bytes: 24 megapixels.
const COPIED_MAX: u64 = 96 * 1024 * 1024;
/// What has fewer pixels on a side shows nothing: it only counts visitors.
const COPIED_PX_MIN: u32 = 16;
/// Pictures drawn at once: each needs a CPU.
const AT_ONCE: usize = 2;
/// An original up to this size in bytes is as good as a copy.
const SMALL_BYTES: usize = 200_000;
/// A larger animation stands still in the timeline.
const ANIMATION_BYTES_MAX: usize = 10_000_000;
/// The quality of the copies, of 100.
const QUALITY: f32 = 80.0;
/// The size of the picture of which the blurred copy is made: its format allows at most 100.
const BLUR_PX: u32 = 100;

/// The side of a person's picture, in pixels: 72 CSS pixels on the densest screens.
const FACE_PX: u32 = 256;

/// A decoded picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawn {
    /// Pixels from left to right, as it is shown.
    pub width: u32,
    /// Pixels from top to bottom.
    pub height: u32,
    /// The blurred copy (thumbhash).
    pub blur: Vec<u8>,
    /// The copy for the timeline, in WebP; `None` if the original serves as well.
    pub small: Option<Vec<u8>>,
    /// The copy for the viewer.
    pub large: Option<Vec<u8>>,
}

/// A copy of a picture that is shown in no other size.
#[derive(Clone, Debug, PartialEq)]
pub struct Copy {
    /// Pixels of the copy from left to right.
    pub width: u32,
    /// Pixels from top to bottom.
    pub height: u32,
    /// The copy, in WebP.
    pub webp: Vec<u8>,
}

/// Draws pictures, a few at a time.
#[derive(Debug)]
pub struct Pictures {
    at_once: Arc<Semaphore>,
    large: Arc<Mutex<()>>,
}

impl Default for Pictures {
    fn default() -> Self {
        Self { at_once: Arc::new(Semaphore::new(AT_ONCE)), large: Arc::default() }
    }
}

impl Pictures {
    /// Draws a picture; `None` if it is none, is too large, or cannot be decoded.
    pub async fn draw(&self, bytes: Bytes) -> Option<Drawn> {
        self.decode(move |large| draw(&bytes, large)).await
    }

    /// Draws the picture of a person, in WebP: the square in its middle. `None` as above.
    pub async fn draw_face(&self, bytes: Bytes) -> Option<Vec<u8>> {
        self.decode(move |large| draw_face(&bytes, large)).await
    }

    /// Draws only a small copy, of a picture that nobody here has chosen: its limits are narrower. It stands still.
    pub async fn copy(&self, bytes: Bytes) -> Option<Copy> {
        self.decode(move |_| copy(&bytes)).await
    }

    /// Decodes something on another thread.
    async fn decode<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Mutex<()>) -> ImageResult<Option<T>> + Send + 'static,
    ) -> Option<T> {
        let permit = Arc::clone(&self.at_once).acquire_owned().await.ok()?;
        let large = Arc::clone(&self.large);
        let drawn = tokio::task::spawn_blocking(move || {
            // Belongs to the thread: whoever waits for it may give up.
            let _permit = permit;
            work(&large)
        });
        match drawn.await {
            Ok(Ok(drawn)) => drawn,
            Ok(Err(error)) => {
                tracing::debug!(%error, "a picture could not be decoded");
                None
            }
            Err(panic) => {
                tracing::warn!(error = %panic, "decoding a picture panicked");
                None
            }
        }
    }
}

fn limits() -> Limits {
    limits_of(DECODED_MAX)
}

fn limits_of(decoded_max: u64) -> Limits {
    let mut limits = Limits::default();
    limits.max_alloc = Some(decoded_max);
    limits
}

/// Whether the first bytes of a file may be those of a picture that can be decoded.
#[must_use]
pub fn is_known(head: &[u8]) -> bool {
    format(head).is_some()
}

fn format(bytes: &[u8]) -> Option<ImageFormat> {
    let format = image::guess_format(bytes).ok()?;
    let known = [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Gif, ImageFormat::WebP];
    known.contains(&format).then_some(format)
}

/// A decoder for a picture that is not too large.
fn decoder(bytes: &[u8], format: ImageFormat) -> ImageResult<Option<impl ImageDecoder>> {
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits());
    let decoder = reader.into_decoder()?;
    let (width, height) = decoder.dimensions();
    let is_large = u64::from(width) * u64::from(height) > PIXELS_MAX || decoder.total_bytes() > DECODED_MAX;
    Ok((!is_large).then_some(decoder))
}

/// Held while a picture is decoded that takes much memory.
fn alone<'a>(decoder: &impl ImageDecoder, large: &'a Mutex<()>) -> Option<MutexGuard<'a, ()>> {
    (decoder.total_bytes() > LARGE_DECODED).then(|| large.lock().unwrap_or_else(PoisonError::into_inner))
}

fn draw_face(bytes: &[u8], large: &Mutex<()>) -> ImageResult<Option<Vec<u8>>> {
    let Some(format) = format(bytes) else { return Ok(None) };
    let Some(mut decoder) = decoder(bytes, format)? else { return Ok(None) };
    let orientation = decoder.orientation()?;
    let _alone = alone(&decoder, large);
    let whole = DynamicImage::from_decoder(decoder)?;
    let side = whole.width().min(whole.height());
    let (left, top) = ((whole.width() - side) / 2, (whole.height() - side) / 2);
    let mut face = whole.crop_imm(left, top, side, side);
    drop(whole);
    // Up, too: all of them have one size.
    if side > FACE_PX * 4 {
        face = face.thumbnail_exact(FACE_PX * 2, FACE_PX * 2);
    }
    let mut face = face.resize_exact(FACE_PX, FACE_PX, FilterType::CatmullRom);
    face.apply_orientation(orientation);
    // Initials must not shine through.
    let mut opaque = RgbaImage::from_pixel(FACE_PX, FACE_PX, Rgba([255; 4]));
    imageops::overlay(&mut opaque, &face.into_rgba8(), 0, 0);
    encoded(&DynamicImage::ImageRgb8(DynamicImage::ImageRgba8(opaque).into_rgb8())).map(Some)
}

fn draw(bytes: &[u8], large: &Mutex<()>) -> ImageResult<Option<Drawn>> {
    let Some(format) = format(bytes) else { return Ok(None) };
    let Some(mut decoder) = decoder(bytes, format)? else { return Ok(None) };
    let orientation = decoder.orientation()?;
    let has_metadata = decoder.exif_metadata()?.is_some()
        || decoder.xmp_metadata()?.is_some()
        || decoder.iptc_metadata()?.is_some();
    let _alone = alone(&decoder, large);
    let is_animated = is_animated(bytes, format)?;
    let whole = DynamicImage::from_decoder(decoder)?;
    let (width, height) = (whole.width(), whole.height());
    let mut view = fitted(whole, PICTURE_LARGE_PX);
    view.apply_orientation(orientation);
    let turned = matches!(
        orientation,
        image::metadata::Orientation::Rotate90
            | image::metadata::Orientation::Rotate270
            | image::metadata::Orientation::Rotate90FlipH
            | image::metadata::Orientation::Rotate270FlipH
    );
    let (width, height) = if turned { (height, width) } else { (width, height) };
    // Moving pictures are served as they are.
    let as_they_are = is_animated && bytes.len() <= ANIMATION_BYTES_MAX && !has_metadata;
    let serves =
        |px: u32| as_they_are || (bytes.len() <= SMALL_BYTES && !has_metadata && width.max(height) <= px);
    let large = if serves(PICTURE_LARGE_PX) { None } else { Some(encoded(&view)?) };
    let view = fitted(view, PICTURE_SMALL_PX);
    let small = if serves(PICTURE_SMALL_PX) { None } else { Some(encoded(&view)?) };
    let tiny = fitted(view, BLUR_PX).into_rgba8();
    let blur = thumbhash::rgba_to_thumb_hash(tiny.width() as usize, tiny.height() as usize, tiny.as_raw());
    Ok(Some(Drawn { width, height, blur, small, large }))
}

fn copy(bytes: &[u8]) -> ImageResult<Option<Copy>> {
    let Some(format) = format(bytes) else { return Ok(None) };
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits_of(COPIED_MAX));
    let mut decoder = reader.into_decoder()?;
    if decoder.total_bytes() > COPIED_MAX {
        return Ok(None);
    }
    let orientation = decoder.orientation()?;
    let mut view = fitted(DynamicImage::from_decoder(decoder)?, PICTURE_SMALL_PX);
    view.apply_orientation(orientation);
    let (width, height, webp) = (view.width(), view.height(), encoded(&view)?);
    Ok((width >= COPIED_PX_MIN && height >= COPIED_PX_MIN).then_some(Copy { width, height, webp }))
}

/// Scales a picture down until it fits into a square. Never up.
fn fitted(picture: DynamicImage, px: u32) -> DynamicImage {
    let longest = picture.width().max(picture.height());
    if longest <= px {
        return picture;
    }
    // The first step is coarse but quick, and needs no copy of the whole picture.
    let picture = if longest > px * 4 { picture.thumbnail(px * 2, px * 2) } else { picture };
    picture.resize(px, px, FilterType::CatmullRom)
}

fn encoded(picture: &DynamicImage) -> ImageResult<Vec<u8>> {
    let (width, height) = (picture.width(), picture.height());
    let done = if picture.color().has_alpha() {
        webp::Encoder::from_rgba(picture.to_rgba8().as_raw(), width, height).encode_simple(false, QUALITY)
    } else {
        webp::Encoder::from_rgb(picture.to_rgb8().as_raw(), width, height).encode_simple(false, QUALITY)
    };
    let failed = |e| image::ImageError::IoError(std::io::Error::other(format!("WebP: {e:?}")));
    done.map(|bytes| bytes.to_vec()).map_err(failed)
}

/// Whether there is a second picture in it. No more are decoded.
fn is_animated(bytes: &[u8], format: ImageFormat) -> ImageResult<bool> {
    let bytes = Cursor::new(bytes);
    if format == ImageFormat::Png {
        PngDecoder::with_limits(bytes, limits())?.is_apng()
    } else if format == ImageFormat::WebP {
        Ok(WebPDecoder::new(bytes)?.has_animation())
    } else if format == ImageFormat::Gif {
        let mut decoder = GifDecoder::new(bytes)?;
        decoder.set_limits(limits())?;
        Ok(decoder.into_frames().take(2).filter(Result::is_ok).count() > 1)
    } else {
        Ok(false)
    }
}

#[cfg(test)]
mod tests;
