-- ControllerRevisions of a StatefulSet: which exist, which one the template asks for, how it is named.
-- The hash is that of the real controller (FNV-1 of the sorted patch, "safe" digits), so that names are
-- the same.
local pod = require "kubernetes.pod"

local M = {}

local SAFE = { ["0"] = "4", ["1"] = "5", ["2"] = "6", ["3"] = "7", ["4"] = "8", ["5"] = "9", ["6"] = "b", ["7"] = "c",
  ["8"] = "d", ["9"] = "f" }

function M.safe_encode(digits)
  return (digits:gsub("%d", SAFE))
end

function M.data(set)
  local template = json.copy(set.spec.template)
  template["$patch"] = "replace"
  return { spec = { template = template } }
end

function M.hash(data)
  return M.safe_encode(string.format("%d", digest.fnv1_32(json.encode(data) .. "0")))
end

-- By revision number, then name.
function M.sorted(list)
  local copy = {}
  for _, revision in ipairs(list) do copy[#copy + 1] = revision end
  table.sort(copy, function(a, b)
    if a.revision ~= b.revision then return a.revision < b.revision end
    return a.metadata.name < b.metadata.name
  end)
  return copy
end

-- What to do so that the newest revision holds the template: "use" it, "raise" an older one, "create".
function M.choose(revisions, data)
  local last = revisions[#revisions]
  if last and json.equal(last.data, data) then return "use", last end
  for i = #revisions - 1, 1, -1 do
    if json.equal(revisions[i].data, data) then return "raise", revisions[i], last.revision + 1 end
  end
  return "create", nil, last and last.revision + 1 or 1
end

function M.object(set, data, number)
  local hash = M.hash(data)
  local labels = json.copy(set.spec.template.metadata.labels or json.object{})
  labels["controller.kubernetes.io/hash"] = hash
  return {
    apiVersion = "apps/v1", kind = "ControllerRevision",
    metadata = {
      namespace = set.metadata.namespace, name = set.metadata.name:sub(1, 223) .. "-" .. hash, labels = labels,
      ownerReferences = { pod.owner_reference(set) },
    },
    data = data, revision = number,
  }
end

return M
