-- Java property files, as far as a policy needs to read them: the value that wins. Pure.

local M = {}

-- The value of a key, or nil. As in Java, the last line that sets it wins.
function M.get(text, wanted)
  local found
  for line in (text or ""):gmatch("[^\r\n]+") do
    if not line:find("^%s*[#!]") then
      local key, value = line:match("^%s*([^%s=:]+)%s*[=:]?%s*(.-)%s*$")
      if key == wanted then
        found = value
      end
    end
  end
  return found
end

return M
