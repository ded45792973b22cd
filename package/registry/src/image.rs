//! Images behind references: an index stands for one of the images in it, and all bytes are those that digests name.

use stevedore_package::image::{Descriptor, Document, ImageError, Manifest, manifest_of};
use stevedore_package::limit;
use stevedore_proto_core::Digest;

use crate::access::Error;
use crate::client::Repository;

/// Media types of what a reference may stand for, as a request accepts them.
const DOCUMENTS: &str = "application/vnd.oci.image.index.v1+json, \
    application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, \
    application/vnd.docker.distribution.manifest.v2+json";

/// What a reference stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// Digest of what the registry has under the reference: of the index, if it is one, not of the image in it. It is
    /// what other tools show for the tag, and it covers the image.
    pub digest: Digest,
    /// The image's.
    pub manifest: Manifest,
}

impl Repository<'_> {
    /// Asks what the reference stands for; where that is what `known` says, nothing more.
    ///
    /// # Errors
    /// When the registry does not give it, its bytes are not those of the digest, or it is no image that can be read.
    pub async fn resolve(&self, known: Option<Digest>) -> Result<Option<Resolved>, Error> {
        let reference = self.reference();
        let wanted = reference.digest().map(|digest| {
            let parsed = digest.parse::<Digest>();
            parsed.map_err(|_| Error::invalid(format!("{digest:?} is not a sha256 digest")))
        });
        let wanted = wanted.transpose()?;
        let version = reference.digest().or(reference.tag()).unwrap_or("latest");
        let what = reference.to_string();
        let bytes = self.document(version, &what).await?;
        let digest = Digest::of(&bytes);
        if wanted.is_some_and(|wanted| wanted != digest) {
            return Err(Error::Pull("the bytes do not have the digest".to_owned()).of(&what));
        }
        if known == Some(digest) {
            return Ok(None);
        }
        let manifest = self.manifest(&bytes).await;
        let manifest = manifest.map_err(|error| error.at(digest))?;
        Ok(Some(Resolved { digest, manifest }))
    }

    /// The digest of what the registry has under the reference, which may be an image of any kind: of an index its
    /// own. It is asked for without the bytes, which some registries count; they are fetched where it is not told.
    ///
    /// # Errors
    /// When the registry does not give it.
    pub async fn digest(&self) -> Result<Digest, Error> {
        let reference = self.reference();
        let version = reference.digest().or(reference.tag()).unwrap_or("latest");
        let path = format!("manifests/{version}");
        if let Some(digest) = self.digest_of(&path, DOCUMENTS).await? {
            return Ok(digest);
        }
        let bytes = self.get(&path, DOCUMENTS, limit::IMAGE_JSON_BYTES).await?;
        Ok(Digest::of(&bytes))
    }

    /// The manifest of an image, or of the image that is taken of an index.
    async fn manifest(&self, bytes: &[u8]) -> Result<Manifest, Error> {
        let invalid = |error: ImageError| Error::invalid(error);
        let index = match Document::parse(bytes).map_err(invalid)? {
            Document::Manifest(manifest) => return Ok(manifest),
            Document::Index(index) => index,
        };
        let entry = index.image().map_err(invalid)?;
        let what = format!("image {} of the index", entry.digest);
        let bytes = self.document(&entry.digest.to_string(), &what).await?;
        // A fault of the registry, which may answer better, and none of the image.
        if Digest::of(&bytes) != entry.digest {
            return Err(Error::Pull("the bytes do not have the digest".to_owned()).of(&what));
        }
        manifest_of(entry, &bytes).map_err(invalid)
    }

    async fn document(&self, version: &str, what: &str) -> Result<Vec<u8>, Error> {
        let path = format!("manifests/{version}");
        let bytes = self.get(&path, DOCUMENTS, limit::IMAGE_JSON_BYTES).await;
        bytes.map_err(|error| error.of(what))
    }

    /// Fetches layers, one after the other.
    ///
    /// # Errors
    /// When the registry does not give one, or other bytes than its digest and size say.
    pub async fn layers(&self, layers: &[Descriptor]) -> Result<Vec<Vec<u8>>, Error> {
        let mut pulled = Vec::with_capacity(layers.len());
        for layer in layers {
            pulled.push(self.blob(layer).await?);
        }
        Ok(pulled)
    }

    /// One layer: not a byte more than its manifest says, and the digest it says.
    async fn blob(&self, layer: &Descriptor) -> Result<Vec<u8>, Error> {
        let digest = layer.digest.to_string();
        let what = format!("layer {digest}");
        let size = usize::try_from(layer.size).unwrap_or(limit::PACKED_BYTES);
        let bytes = self
            .get(&format!("blobs/{digest}"), "*/*", size)
            .await
            .map_err(|error| error.of(&what))?;
        if Digest::of(&bytes) != layer.digest {
            return Err(Error::Pull("its bytes do not have its digest".to_owned()).of(&what));
        }
        match layer.names(&bytes) {
            true => Ok(bytes),
            false => Err(Error::invalid(format!(
                "it has {} bytes, its manifest says {}",
                bytes.len(),
                layer.size
            ))
            .of(&what)),
        }
    }
}
