# The administrator's tool.
