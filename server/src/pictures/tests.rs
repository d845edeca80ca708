//! Pictures that are well, and pictures that are not.

use image::{Delay, Frame, GrayImage, Rgb, RgbImage, codecs::gif::GifEncoder};

use super::*;

fn drawn(bytes: &[u8]) -> Option<Drawn> {
    draw(bytes, &Mutex::default()).ok().flatten()
}

fn written(picture: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.into().write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// Red on the left, blue on the right.
fn landscape(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, _| if x < width / 2 { Rgb([255, 0, 0]) } else { Rgb([0, 0, 255]) })
}

/// Puts what a camera writes into a JPEG: an orientation, and a text where the place would be.
pub(super) fn with_exif(jpeg: &[u8], orientation: u8) -> Vec<u8> {
    let secret = b"59.3293 N 18.0686 E\0";
    let mut exif = b"Exif\0\0II*\0\x08\0\0\0\x02\0".to_vec();
    exif.extend([0x0e, 0x01, 2, 0, secret.len() as u8, 0, 0, 0, 38, 0, 0, 0]);
    exif.extend([0x12, 0x01, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0]);
    exif.extend([0, 0, 0, 0]);
    exif.extend(secret);
    let length = u16::try_from(exif.len() + 2).unwrap().to_be_bytes();
    [&jpeg[..2], &[0xff, 0xe1], &length[..], &exif, &jpeg[2..]].concat()
}

fn has(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

fn decoded(copy: &[u8]) -> RgbImage {
    image::load_from_memory(copy).unwrap().into_rgb8()
}

#[test]
fn a_photo_is_turned_and_says_nothing_of_its_place() {
    let photo = with_exif(&written(landscape(4_000, 1_000), ImageFormat::Jpeg), 6);
    assert!(has(&photo, b"59.3293"));
    let drawn = drawn(&photo).unwrap();
    assert_eq!((drawn.width, drawn.height), (1_000, 4_000));
    let (small, large) = (drawn.small.unwrap(), drawn.large.unwrap());
    for (copy, width, height) in [(&small, 180, 720), (&large, 512, 2_048)] {
        assert!(!has(copy, b"59.3293") && !has(copy, b"EXIF"));
        let picture = decoded(copy);
        assert_eq!((picture.width(), picture.height()), (width, height));
        // Turned to the right, its left side is above.
        let (top, bottom) = (picture.get_pixel(width / 2, 10), picture.get_pixel(width / 2, height - 10));
        assert!(top[0] > 200 && top[2] < 60 && bottom[2] > 200 && bottom[0] < 60, "{top:?} {bottom:?}");
    }
    assert!((5..=25).contains(&drawn.blur.len()), "{}", drawn.blur.len());
}

#[test]
fn a_small_picture_needs_no_copy_unless_it_says_too_much() {
    let plain = written(landscape(200, 100), ImageFormat::Png);
    let small = drawn(&plain).unwrap();
    assert_eq!((small.width, small.height, small.small, small.large), (200, 100, None, None));
    let photo = with_exif(&written(landscape(200, 100), ImageFormat::Jpeg), 1);
    let drawn = drawn(&photo).unwrap();
    assert_eq!(decoded(&drawn.small.unwrap()).dimensions(), (200, 100), "never scaled up");
    assert!(drawn.large.is_some());
}

#[test]
fn what_is_seen_through_stays_so() {
    let clear = RgbaImage::from_fn(1_000, 800, |x, y| {
        image::Rgba([x as u8, y as u8, 0, if x < 500 { 0 } else { 255 }])
    });
    let copy = drawn(&written(clear, ImageFormat::Png)).unwrap().small.unwrap();
    let copy = image::load_from_memory(&copy).unwrap().into_rgba8();
    assert_eq!((copy.get_pixel(10, 10)[3], copy.get_pixel(700, 10)[3]), (0, 255));
}

#[test]
fn an_animation_is_served_as_it_is() {
    let mut bytes = Vec::new();
    let mut encoder = GifEncoder::new(&mut bytes);
    for shade in [0, 255] {
        let frame = RgbaImage::from_pixel(900, 300, image::Rgba([shade, shade, shade, 255]));
        encoder.encode_frame(Frame::from_parts(frame, 0, 0, Delay::from_numer_denom_ms(100, 1))).unwrap();
    }
    drop(encoder);
    let moving = drawn(&bytes).unwrap();
    assert_eq!((moving.width, moving.height, moving.small, moving.large), (900, 300, None, None));
    // One picture stands still.
    let still = drawn(&written(landscape(900, 300), ImageFormat::Gif)).unwrap();
    assert!(still.small.is_some());
}

#[test]
fn a_long_and_thin_picture_is_one() {
    for (width, height) in [(1, 50_000), (50_000, 1), (1, 100_000)] {
        let drawn = drawn(&written(GrayImage::new(width, height), ImageFormat::Png)).unwrap();
        assert_eq!((drawn.width, drawn.height), (width, height));
    }
}

#[test]
fn a_bomb_is_not_decoded() {
    let mut png = written(GrayImage::new(10, 10), ImageFormat::Png);
    // The size is in the first chunk, whose checksum must be right.
    png[16..24].copy_from_slice(&[0, 0, 0x75, 0x30, 0, 0, 0x75, 0x30]);
    let sum = crc(&png[12..29]).to_be_bytes();
    png[29..33].copy_from_slice(&sum);
    assert_eq!(drawn(&png), None);
    let mut gif = written(landscape(10, 10), ImageFormat::Gif);
    gif[6..10].copy_from_slice(&[0xff; 4]);
    assert_eq!(drawn(&gif), None);
}

fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ (0xedb8_8320 & (sum & 1).wrapping_neg()))
    })
}

#[test]
fn whatever_is_cut_off_or_broken_is_no_panic() {
    for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Gif, ImageFormat::WebP] {
        let whole = written(landscape(64, 48), format);
        assert!(drawn(&whole).is_some(), "{format:?}");
        for length in (0..whole.len()).step_by(7) {
            drop(drawn(&whole[..length]));
        }
        for place in 0..whole.len().min(400) {
            let mut broken = whole.clone();
            broken[place] ^= 0x5a;
            drop(drawn(&broken));
        }
    }
    for text in [&b"<svg xmlns='http://www.w3.org/2000/svg'/>"[..], b"", b"GIF89a", b"\x89PNG\r\n\x1a\n"] {
        assert_eq!(drawn(text), None);
    }
}

#[test]
fn a_face_is_the_middle_of_a_photo_upright_opaque_and_says_nothing_of_its_place() {
    let face = |bytes: &[u8]| draw_face(bytes, &Mutex::default()).ok().flatten();
    let photo = with_exif(&written(landscape(4_000, 1_000), ImageFormat::Jpeg), 6);
    let drawn = face(&photo).unwrap();
    assert!(!has(&drawn, b"59.3293") && !has(&drawn, b"EXIF"));
    let picture = decoded(&drawn);
    assert_eq!((picture.width(), picture.height()), (256, 256));
    // The middle is half red, half blue; turned to the right, the red is above.
    let (top, bottom) = (picture.get_pixel(128, 10), picture.get_pixel(128, 246));
    assert!(top[0] > 200 && top[2] < 60 && bottom[2] > 200 && bottom[0] < 60, "{top:?} {bottom:?}");

    let clear = face(&written(RgbaImage::from_pixel(8, 8, Rgba([0; 4])), ImageFormat::Png)).unwrap();
    assert!(decoded(&clear).pixels().all(|pixel| pixel.0.iter().all(|part| *part > 250)));
    assert!(!image::load_from_memory(&clear).unwrap().color().has_alpha());
    assert_eq!(face(b"<svg/>"), None);
    assert_eq!(face(&photo[..400]), None);
}
