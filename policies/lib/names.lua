-- Names and their limits in Kubernetes, and lists of names for people. Pure.

local M = {}

M.label_max = 63        -- a DNS label, a label value, a Service name
-- A StatefulSet puts "<name>-<hash of up to 10 digits>" into a label of its pods.
M.statefulset_max = 52

local function is_part(text)
  return (text:find("^[a-z0-9]$") or text:find("^[a-z0-9][-a-z0-9]*[a-z0-9]$")) ~= nil
end

function M.is_dns_label(text)
  return type(text) == "string" and #text <= M.label_max and is_part(text)
end

-- Names of most objects. Kubernetes limits the whole only, not what stands between two dots.
function M.is_subdomain(text)
  if type(text) ~= "string" or #text > 253 then
    return false
  end
  for part in (text .. "."):gmatch("([^.]*)%.") do
    if not is_part(part) then
      return false
    end
  end
  return true
end

local function is_word(text)
  return #text <= M.label_max
    and (text:find("^[A-Za-z0-9]$") or text:find("^[A-Za-z0-9][-A-Za-z0-9_.]*[A-Za-z0-9]$")) ~= nil
end

-- A key of labels and annotations: "name" or "prefix.example.com/name".
function M.is_label_key(text)
  local prefix, name = text:match("^([^/]*)/(.*)$")
  return is_word(name or text) and (prefix == nil or M.is_subdomain(prefix))
end

function M.is_label_value(text)
  return type(text) == "string" and (text == "" or is_word(text))
end

-- "a, b, c and 4 more": events and status lines must stay short.
function M.list(names, max)
  max = max or 8
  local shown = {}
  for i = 1, math.min(#names, max) do
    shown[i] = names[i]
  end
  local text = table.concat(shown, ", ")
  if #names > max then
    text = text .. " and " .. (#names - max) .. " more"
  end
  return text
end

-- Cut to a length in bytes, saying so.
function M.cut(text, max)
  if #text <= max then
    return text
  end
  local last = max - 3
  while last > 0 and (text:byte(last + 1) & 0xC0) == 0x80 do
    last = last - 1   -- no half characters
  end
  return text:sub(1, last) .. "..."
end

return M
