//! A client's logo: whoever names one chooses what our pages show, so only small pictures of three formats are taken, each by
//! what it contains and never by what it is called. Nothing is decoded here.

use imagesize::ImageType;

/// The longest logo, in bytes.
pub const MAX_BYTES: usize = 128 * 1024;
/// The widest and highest one, in pixels: what a browser has to unpack.
const MAX_PIXELS: usize = 1024;

/// A logo that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logo {
    /// What it contains.
    pub media_type: &'static str,
    /// The file.
    pub content: Vec<u8>,
}

/// Why a file is no logo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LogoError {
    /// Not a picture of one of the three formats; SVG is a document with scripts and none of them.
    #[error("not a PNG, JPEG or WebP picture")]
    Format,
    /// More than [`MAX_BYTES`].
    #[error("longer than 128 KiB")]
    TooLong,
    /// More than 1024 pixels one way, or none.
    #[error("larger than 1024 by 1024 pixels, or empty")]
    TooLarge,
}

/// Checks a file.
///
/// # Errors
/// [`LogoError`].
pub fn check(content: Vec<u8>) -> Result<Logo, LogoError> {
    if content.len() > MAX_BYTES {
        return Err(LogoError::TooLong);
    }
    let media_type = media_type(&content).ok_or(LogoError::Format)?;
    let size = imagesize::blob_size(&content).map_err(|_| LogoError::Format)?;
    let fits = |pixels| (1..=MAX_PIXELS).contains(&pixels);
    match fits(size.width) && fits(size.height) {
        true => Ok(Logo { media_type, content }),
        false => Err(LogoError::TooLarge),
    }
}

fn media_type(content: &[u8]) -> Option<&'static str> {
    // The whole signature with the first chunk: `imagesize` is content with four bytes.
    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
    match imagesize::image_type(content).ok()? {
        ImageType::Png => content.starts_with(PNG).then_some("image/png"),
        ImageType::Jpeg => Some("image/jpeg"),
        ImageType::Webp => Some("image/webp"),
        _ => None,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The beginning of a PNG picture of this size; browsers would show nothing.
    pub(crate) fn png(width: u32, height: u32) -> Vec<u8> {
        let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
        png.extend(width.to_be_bytes());
        png.extend(height.to_be_bytes());
        png.extend(b"\x08\x06\0\0\0\0\0\0\0");
        png
    }

    fn jpeg(width: u16, height: u16) -> Vec<u8> {
        let mut jpeg = b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0\xff\xc0\0\x11\x08".to_vec();
        jpeg.extend(height.to_be_bytes());
        jpeg.extend(width.to_be_bytes());
        jpeg
    }

    fn webp(width: u32, height: u32) -> Vec<u8> {
        let mut webp = b"RIFF\x20\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0".to_vec();
        webp.extend(&(width - 1).to_le_bytes()[..3]);
        webp.extend(&(height - 1).to_le_bytes()[..3]);
        webp
    }

    #[test]
    fn pictures_are_known_by_what_they_contain() {
        for (content, media_type) in [
            (png(1, 1024), "image/png"),
            (jpeg(1024, 1), "image/jpeg"),
            (webp(64, 64), "image/webp"),
        ] {
            let logo = check(content.clone()).unwrap();
            assert_eq!((logo.media_type, logo.content), (media_type, content));
        }
    }

    #[test]
    fn documents_bombs_and_oversized_files_are_no_logos() {
        let png_then_svg = [b"\x89PNG".as_slice(), b"<svg onload=alert(1)>", &[0; 64]].concat();
        for content in [
            b"".to_vec(),
            b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>".to_vec(),
            b"<?xml version=\"1.0\"?><svg/>".to_vec(),
            b"<!DOCTYPE html><script>alert(1)</script>".to_vec(),
            b"GIF89a\x01\0\x01\0\0\0\0;".to_vec(),
            b"BM\x3a\0\0\0\0\0\0\0\x36\0\0\0".to_vec(),
            b"%PDF-1.7".to_vec(),
            b"RIFF\x20\0\0\0WAVEfmt ".to_vec(),
            b"RIFF\x20\0\0\0WEBPVP8?".to_vec(),
            png_then_svg,
            png(1, 1)[..15].to_vec(),
            png(1, 1)[..20].to_vec(),
            jpeg(1, 1)[..22].to_vec(),
            b"\xff\xd8\xff".to_vec(),
        ] {
            assert_eq!(check(content.clone()), Err(LogoError::Format), "{content:?}");
        }
        for content in [
            png(1025, 1),
            png(1, u32::MAX),
            png(0, 1),
            jpeg(u16::MAX, u16::MAX),
            webp(16_384, 1),
        ] {
            assert_eq!(check(content.clone()), Err(LogoError::TooLarge), "{content:?}");
        }
        let mut long = png(1, 1);
        long.resize(MAX_BYTES + 1, 0);
        assert_eq!(check(long), Err(LogoError::TooLong));
    }
}
