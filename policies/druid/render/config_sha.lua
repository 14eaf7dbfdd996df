-- The value of configMapSHA, the variable through which a changed ConfigMap restarts its pods. Pure.
--
-- It reproduces, byte for byte, what clusters already carry: the SHA-1 of the ConfigMap as the Go
-- operator would have printed it. Another algorithm would restart every adopted cluster once.

local tables = require "lib.tables"

local M = {}

M.piece_bytes = 64 << 10

-- Go's encoder escapes these besides the usual ones; other characters stay as they are.
local escapes = {
  ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t",
  ["<"] = "\\u003c", [">"] = "\\u003e", ["&"] = "\\u0026",
}
for code = 0, 31 do
  local char = string.char(code)
  escapes[char] = escapes[char] or string.format("\\u%04x", code)
end

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

local function map(values)
  local parts = {}
  for _, key in ipairs(tables.keys(values)) do
    parts[#parts + 1] = M.text(key) .. ":" .. M.text(values[key])
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

-- The ConfigMap as Go prints it.
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
