-- Conditions in a status: what changed keeps its time of change, the rest keeps everything. Pure.

local M = {}

function M.find(conditions, kind)
  for _, condition in ipairs(conditions or {}) do
    if condition.type == kind then
      return condition
    end
  end
  return nil
end

function M.is_true(conditions, kind)
  local condition = M.find(conditions, kind)
  return condition ~= nil and condition.status == "True"
end

-- `wanted`: list of { type=, status=, reason=, message= }. Gives the list to write: the time of the
-- last transition moves only when the status does. `now` is RFC 3339 text.
function M.merge(old, wanted, generation, now)
  local merged = {}
  for i, condition in ipairs(wanted) do
    local before = M.find(old, condition.type)
    local same = before ~= nil and before.status == condition.status
    merged[i] = {
      type = condition.type,
      status = condition.status,
      reason = condition.reason,
      message = condition.message,
      observedGeneration = generation,
      lastTransitionTime = same and before.lastTransitionTime or now,
    }
  end
  return merged
end

return M
