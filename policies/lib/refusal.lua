-- Says in a few words why the server refused a write: what a status line has room for. Pure.
--
-- From: the message of an err. What the reader knows already (which object it was about, how the server
-- talks of users and groups) goes, what is to be done about it stays.

local M = {}

-- Patterns of what the Kubernetes API says, and what is left of it. The first that fits is taken, and then
-- the rest of the list is tried on what is left.
M.shorter = {
  -- Deployment.apps "x" is invalid: spec.y: …
  { '^[%w.]+ "[^"]*" is invalid: ', "" },
  -- configmaps "x" is forbidden: User "system:…" cannot patch resource "configmaps" in API group "" in the namespace "n"
  { '^[%w.]+ "?[^"]*"? ?is forbidden: User "([^"]*)" cannot (%w+) resource "([^"]*)" in API group "[^"]*"',
    'no right to %2 %3 (user %1)' },
  { '^[%w.]+ "[^"]*" is forbidden: ', "" },
  { '^admission webhook "([^"]*)" denied the request: ', "webhook %1: " },
  { '^failed to create typed patch object %(.-%): ', "" },
  -- The value is in the object, and may be long.
  { '(Invalid value): "[^"]*": ', "" },
  { 'Required value: ', "" },
}

function M.words(message)
  local text = message
  for _, rule in ipairs(M.shorter) do
    text = text:gsub(rule[1], rule[2], 1)
  end
  return text ~= "" and text or message
end

return M
