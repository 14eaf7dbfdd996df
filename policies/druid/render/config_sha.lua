-- The value of configMapSHA, the variable through which a changed ConfigMap restarts its pods. Pure.
--
-- It reproduces, byte for byte, what clusters already carry: the SHA-1 of the ConfigMap as the Go
-- operator would have printed it. Another algorithm would restart every adopted cluster once.

local tables = require "lib.tables"

local M = {}

M.piece_bytes, M.short_bytes = 64 << 10, 16 << 10

-- Go's encoder escapes these besides the usual ones; other characters stay as they are.
local escapes = {
  ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t",
  ["<"] = "\\u003c", [">"] = "\\u003e", ["&"] = "\\u0026",
}
for code = 0, 31 do
  local char = string.char(code)
  escapes[char] = escapes[char] or string.format("\\u%04x", code)
end

local differs = { { "<", "\\u003c" }, { ">", "\\u003e" }, { "&", "\\u0026" }, { "\u{2028}", "\\u2028" },
  { "\u{2029}", "\\u2029" } }
local separators = { ["\u{2028}"] = "\\u2028", ["\u{2029}"] = "\\u2029" }

local function escape(piece)
  local quoted = piece:gsub('[\0-\31"\\<>&]', escapes)
  if quoted:find("\226\128", 1, true) then
    quoted = quoted:gsub("\226\128[\168\169]", separators)
  end
  return quoted
end

-- A text as Go prints it. A ConfigMap holds up to a megabyte, and a pattern may look at less at a time: it
-- goes in pieces, each of whole characters.
function M.text(value)
  if #value <= M.piece_bytes then
    return '"' .. escape(value) .. '"'
  end
  local parts, from = { '"' }, 1
  while from <= #value do
    local to = from + M.piece_bytes - 1
    while (value:byte(to + 1) or 0) & 0xC0 == 0x80 do
      to = to + 1
    end
    parts[#parts + 1] = escape(value:sub(from, to))
    from = to + 1
  end
  parts[#parts + 1] = '"'
  return table.concat(parts)
end

local function replaced(text, what, with)
  local at = text:find(what, 1, true)
  if not at then
    return text
  end
  local parts, from = {}, 1
  while at do
    parts[#parts + 1] = text:sub(from, at - 1)
    from = at + #what
    at = text:find(what, from, true)
  end
  parts[#parts + 1] = text:sub(from)
  return table.concat(parts, with)
end

-- In the order of the keys. What we print differs from Go in a few characters, which are looked for; two that only
-- what stands before them tells apart, and long texts with many of them, are left to the slower way.
local function map(values)
  if next(values) == nil then
    return "{}"
  end
  local printed = json.encode(values)
  if #printed <= M.short_bytes and not printed:find("\\b", 1, true) and not printed:find("\\f", 1, true) then
    for _, pair in ipairs(differs) do
      printed = replaced(printed, pair[1], pair[2])
    end
    return printed
  end
  local parts = {}
  for _, key in ipairs(tables.keys(values)) do
    parts[#parts + 1] = M.text(key) .. ":" .. M.text(values[key])
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

function M.document(config)
  local metadata = config.metadata
  return '{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":' .. M.text(metadata.name)
    .. ',"namespace":' .. M.text(metadata.namespace) .. ',"creationTimestamp":null,"labels":'
    .. map(metadata.labels) .. '},"data":' .. map(config.data) .. "}"
end

function M.one(config)
  return digest.sha1_base64(M.document(config))
end

return M
