//! POSIX ACLs from the kernel's form to the text that `tar --acls` and `setfacl` read.
//!
//! The attribute itself is stored too, and is what a restore here uses.

/// The PAX keyword and the text, when the attribute is an ACL in the form that Linux has used since ACLs exist.
pub(crate) fn to_text(attribute: &[u8], value: &[u8]) -> Option<(&'static str, String)> {
    let keyword = match attribute {
        b"system.posix_acl_access" => "SCHILY.acl.access",
        b"system.posix_acl_default" => "SCHILY.acl.default",
        _ => return None,
    };
    let entries = value.strip_prefix(&2u32.to_le_bytes())?;
    let lines: Option<Vec<String>> = entries.chunks(8).map(line).collect();
    Some((keyword, lines?.join(",")))
}

fn line(entry: &[u8]) -> Option<String> {
    let tag = u16::from_le_bytes(entry.get(..2)?.try_into().ok()?);
    let bits = u16::from_le_bytes(entry.get(2..4)?.try_into().ok()?);
    let id = u32::from_le_bytes(entry.get(4..8)?.try_into().ok()?);
    let (who, id) = match tag {
        0x01 => ("user", String::new()),
        0x02 => ("user", id.to_string()),
        0x04 => ("group", String::new()),
        0x08 => ("group", id.to_string()),
        0x10 => ("mask", String::new()),
        0x20 => ("other", String::new()),
        _ => return None,
    };
    let bit = |bit, letter| if bits & bit == 0 { '-' } else { letter };
    Some(format!("{who}:{id}:{}{}{}", bit(4, 'r'), bit(2, 'w'), bit(1, 'x')))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_kernels_form_becomes_text() {
        let mut value = 2u32.to_le_bytes().to_vec();
        for (tag, bits, id) in
            [(1u16, 6u16, u32::MAX), (2, 4, 1234), (4, 4, u32::MAX), (16, 6, u32::MAX), (32, 0, u32::MAX)]
        {
            value.extend([&tag.to_le_bytes()[..], &bits.to_le_bytes()[..], &id.to_le_bytes()[..]].concat());
        }
        let text = "user::rw-,user:1234:r--,group::r--,mask::rw-,other::---".to_owned();
        assert_eq!(super::to_text(b"system.posix_acl_access", &value), Some(("SCHILY.acl.access", text)));
        assert_eq!(super::to_text(b"system.posix_acl_access", &value[..9]), None);
        assert_eq!(super::to_text(b"user.acl", &value), None);
    }
}
