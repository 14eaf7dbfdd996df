-- What tests/bench measures of rendering alone: a Druid object as it is cached in, its objects made, nothing judged
-- and nothing handed to the runtime.

local groups = require "druid.groups"
local render = require "druid.render"

local M = {}

function M.objects(object)
  render.objects(groups.cluster(json.copy(object)))
  return {}
end

return M
