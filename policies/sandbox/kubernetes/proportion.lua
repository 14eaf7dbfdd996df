-- How several ReplicaSets of a Deployment share what it is scaled by.
local M = {}

local MOST = "deployment.kubernetes.io/max-replicas"

local function size(set) return set.spec.replicas or 0 end

-- By size, the larger first; of equal ones the newer first when it grows, the older first when it shrinks.
local function ordered(sets, grows)
  local order = { table.unpack(sets) }
  table.sort(order, function(a, b)
    if size(a) ~= size(b) then return size(a) > size(b) end
    local x, y = a.metadata.creationTimestamp, b.metadata.creationTimestamp
    if x ~= y then return (x > y) == grows end
    if grows then return a.metadata.name > b.metadata.name end
    return a.metadata.name < b.metadata.name
  end)
  return order
end

local function rounded(number)
  return math.tointeger(number < 0 and math.ceil(number - 0.5) or math.floor(number + 0.5))
end

-- What the set would grow by (or shrink, below 0) if all grew alike.
local function share(deployment, set, most)
  if (deployment.spec.replicas or 1) == 0 then return -size(set) end
  local before = math.tointeger(tonumber((set.metadata.annotations or {})[MOST])) or 0
  if before == 0 then before = deployment.status and deployment.status.replicas or 0 end
  if before == 0 then return 0 end
  return rounded(size(set) * most / before) - size(set)
end

-- { [name] = size } for sets that have pods, which together become `most`.
function M.sizes(deployment, sets, most)
  local total, added, sizes = 0, 0, {}
  for _, set in ipairs(sets) do total = total + size(set) end
  local add = most - total
  local order = ordered(sets, add > 0)
  for _, set in ipairs(order) do
    local left, more = add - added, 0
    if left ~= 0 then
      more = share(deployment, set, most)
      more = add > 0 and math.min(more, left) or math.max(more, left)
    end
    sizes[set.metadata.name] = size(set) + more
    added = added + more
  end
  if add ~= 0 then -- what is left over goes to the largest
    local name = order[1].metadata.name
    sizes[name] = math.max(0, sizes[name] + add - added)
  end
  return sizes
end

return M
