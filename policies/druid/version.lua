-- Reads Druid versions out of image tags and compares them. Pure.

local M = {}

-- "registry:5000/apache/druid:33.0.0-rc1@sha256:…" → { 33, 0, 0 }; nil when the tag is no version.
function M.of_image(image)
  if not image then
    return nil
  end
  local tag = image:gsub("@.*$", ""):match("[^/]*$"):match(":(.+)$")
  return tag and M.parse(tag)
end

-- "33.0.0", "v33.0.0", "druid-0.12.0-1", "37": the first run of dotted numbers. nil when there is none.
function M.parse(text)
  local plain = (text or ""):match("^%D*(%d[%d.]*)")
  -- A commit or a date is no version: at least one dot, or a small number alone.
  if not plain or not (plain:find(".", 1, true) or (#plain <= 3 and text:match("^v?%d+$"))) then
    return nil
  end
  local parts = {}
  for number in plain:gmatch("%d+") do
    if #number > 6 then
      return nil
    end
    parts[#parts + 1] = math.tointeger(tonumber(number))
  end
  return parts
end

-- Negative when a is older than b, 0 when equal, positive when newer.
function M.compare(a, b)
  for i = 1, math.max(#a, #b) do
    local difference = (a[i] or 0) - (b[i] or 0)
    if difference ~= 0 then
      return difference
    end
  end
  return 0
end

return M
