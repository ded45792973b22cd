//! Pins: hashes of public keys, by which one authority is trusted before its certificate is known.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

use super::certificates::certificates;
use super::error::Error;

/// SHA-256 over a certificate's SubjectPublicKeyInfo (DER). Its text form is 64 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SpkiPin([u8; 32]);

impl SpkiPin {
    /// Takes the 32 bytes of the hash.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes of the hash.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The pin of a certificate, DER.
    ///
    /// # Errors
    /// [`Error::Certificate`] when it does not parse.
    pub fn of_certificate(der: &[u8]) -> Result<Self, Error> {
        let (_, certificate) =
            x509_parser::parse_x509_certificate(der).map_err(|_| Error::Certificate)?;
        Ok(Self(Sha256::digest(certificate.public_key().raw).into()))
    }

    /// The pin of the first certificate of a PEM bundle.
    ///
    /// # Errors
    /// When the bundle is not PEM or empty, or the certificate does not parse.
    pub fn of_bundle(pem: &str) -> Result<Self, Error> {
        let certificates = certificates("CA bundle", pem)?;
        Self::of_certificate(certificates.first().ok_or(Error::Empty("CA bundle"))?)
    }
}

impl fmt::Display for SpkiPin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for SpkiPin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SpkiPin({self})")
    }
}

impl FromStr for SpkiPin {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let mut pin = [0u8; 32];
        let canonical =
            text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if !canonical {
            return Err(Error::Pin);
        }
        for (byte, digits) in pin.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let digits = std::str::from_utf8(digits).map_err(|_| Error::Pin)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| Error::Pin)?;
        }
        Ok(Self(pin))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_has_exactly_one_text_form() {
        let text = "0123456789abcdef".repeat(4);
        assert_eq!(text.parse::<SpkiPin>().unwrap().to_string(), text);
        for bad in [
            String::new(),
            text.to_uppercase(),
            format!("{text}0"),
            text[1..].to_owned(),
            "é".repeat(32),
        ] {
            assert!(bad.parse::<SpkiPin>().is_err(), "{bad}");
        }
    }
}
