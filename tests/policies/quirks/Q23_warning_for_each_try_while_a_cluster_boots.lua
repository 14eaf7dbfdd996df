-- module: druid.dynamic_config
-- Each failure counts as one, also that of a cluster that is not up yet.
local dynamic_config = require "base.druid.dynamic_config"
local answers = require "druid.client.answer"
dynamic_config.doubts = 0
function answers.passes()
  return false
end
return dynamic_config
