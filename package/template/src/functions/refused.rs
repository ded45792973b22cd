//! Functions of sprig that packages cannot have, and why.

/// Reasons, and the names they are given for.
const REFUSED: &[(&str, &str)] = &[
    (
        "it reads the clock or the zone of the machine, so that a package would render differently each time",
        "ago date date_in_zone date_modify dateInZone dateModify duration durationRound htmlDate htmlDateInZone \
         must_date_modify mustDateModify mustToDate now toDate unixEpoch",
    ),
    (
        "it draws by chance, so that a package would render differently each time",
        "randAlphaNum randAlpha randAscii randNumeric randBytes randInt shuffle uuidv4 bcrypt htpasswd encryptAES \
         genPrivateKey genCA genCAWithKey genSelfSignedCert genSelfSignedCertWithKey genSignedCert \
         genSignedCertWithKey",
    ),
    (
        "it makes or reads keys, which do not belong in a package: use a Secret of the cluster",
        "buildCustomCert decryptAES derivePassword",
    ),
    (
        "it reads the machine that renders",
        "env expandenv getHostByName osBase osClean osDir osExt osIsAbs",
    ),
    (
        "Package Operator does not offer it either",
        "sha512sum trimall",
    ),
];

/// Why there is no function of this name, where sprig has one.
pub(crate) fn why_refused(name: &str) -> Option<&'static str> {
    let mut reasons = REFUSED.iter();
    let found = reasons.find(|(_, names)| names.split_whitespace().any(|known| known == name));
    found.map(|(reason, _)| *reason)
}
