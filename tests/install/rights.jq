# Rights that were used, from the API server's audit log: "verb group resource", for jq -r --arg user USER.
# A write by server-side apply is the verb patch, and create where the object was not there.
select(.user.username == $user and .objectRef.resource != null)
    | [.verb, .objectRef.apiGroup // "", .objectRef.resource + (if .objectRef.subresource then "/" + .objectRef.subresource else "" end)]
    | join(" ")
