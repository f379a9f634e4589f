# Writes a fitted model of R's in the plain form that undelete reads (docs/model-files.md):
#
#   source("undelete.R")
#   undelete_write(lm(log(wage) ~ educ + poly(exper, 2) * sex + state, train), "before.json")
#   undelete_write(glm(high ~ educ + state, binomial, train, epsilon = 1e-14), "before.json")
#   undelete_write(glmnet(x, y, thresh = 1e-14), "before.json", s = 0.01, x = x, y = y)
#
# Of lm and glm the features are written in the raw columns, whatever contrasts and polynomials they were fitted in:
# the predictions are the same, and without a penalty the optimum too. It is checked that they are, to ten digits.

undelete_write <- function(fit, path, ...) UseMethod("undelete_write")

# What is built on lm or glm, such as rlm or gam, minimises something else under the same name.
undelete_write.lm <- function(fit, path, ...) {
  if (inherits(fit, "mlm")) stop("several responses: fit a model for each")
  undelete_kinds(fit, c("lm", "aov"))
  undelete_plain(fit, path, list(loss = "squared"))
}

undelete_kinds <- function(fit, read) {
  other <- setdiff(class(fit), read)
  if (length(other)) stop(other[1], " is not ", read[1], ": it minimises another objective, of which undelete knows nothing")
}

undelete_write.glm <- function(fit, path, ...) {
  undelete_kinds(fit, c("glm", "negbin", "lm"))
  family <- fit$family$family
  power <- if (grepl("^Tweedie", family)) get("p", environment(fit$family$variance)) else NA
  theta <- if (grepl("^Negative Binomial", family)) get(".Theta", environment(fit$family$variance)) else NA
  if (inherits(fit, "negbin")) theta <- fit$theta
  kind <- paste(sub("^quasi", "", family), fit$family$link)
  loss <- switch(kind,
    "binomial logit" = "logistic", "binomial probit" = "probit", "gaussian identity" = "squared",
    "poisson log" = "poisson", "Gamma log" = "gamma",
    if (!is.na(theta) && fit$family$link == "log") sprintf("negative_binomial(%.17g)", 1 / theta) else
    if (!is.na(power) && fit$family$link %in% c("log", "mu^0")) sprintf("tweedie(%s)", power) else NULL
  )
  if (is.null(loss)) {
    stop(
      "undelete reads binomial (logit, probit), gaussian (identity), poisson, Gamma, Tweedie and negative binomial (log), not ",
      kind
    )
  }
  if (fit$control$epsilon > 1e-10) {
    message("glm was fitted with epsilon = ", fit$control$epsilon, ": what one record changes may be smaller; use 1e-14")
  }
  parts <- list(loss = loss)
  if (grepl("^binomial", kind)) {
    y <- model.response(model.frame(fit))
    if (is.matrix(y)) stop("the response is a table of counts: give a row for each record")
    if (is.numeric(y) && !all(y %in% 0:1)) stop("the response is a share, between 0 and 1: undelete reads two classes")
    parts$classes <- if (is.factor(y)) levels(y)[1:2] else if (is.logical(y)) c(FALSE, TRUE) else c(0, 1)
    if (is.factor(y) && nlevels(y) > 2) stop("glm takes all levels but the first for one: make the response of two levels")
  }
  undelete_plain(fit, path, parts)
}

undelete_write.cv.glmnet <- function(fit, path, s = fit$lambda.min, ...) undelete_write(fit$glmnet.fit, path, s = s, ...)

undelete_write.glmnet <- function(fit, path, s, x, y = NULL, names = colnames(x), alpha = NULL, standardize = NULL,
                                  penalty.factor = NULL, intercept = NULL, weights = NULL, ...) {
  given <- function(value, argument, default) {
    if (!is.null(value)) return(value)
    said <- fit$call[[argument]]
    if (is.null(said)) return(default)
    tryCatch(eval(said, parent.frame(2)), error = function(e) {
      stop("glmnet was fitted with ", argument, " = ", deparse(said), ", which is not at hand: give undelete_write ", argument)
    })
  }
  alpha <- given(alpha, "alpha", 1)
  standardize <- given(standardize, "standardize", TRUE)
  factor <- given(penalty.factor, "penalty.factor", rep(1, ncol(x)))
  factor <- factor * ncol(x) / sum(factor)  # as glmnet scales them
  intercept <- given(intercept, "intercept", TRUE)
  weights <- given(weights, "weights", NULL)
  if (!is.null(weights) && diff(range(weights)) == 0) weights <- NULL
  share <- if (is.null(weights)) rep(1 / nrow(x), nrow(x)) else weights / sum(weights)
  for (one in c("lower.limits", "upper.limits")) {
    if (!is.null(fit$call[[one]])) stop("glmnet was fitted with ", one, ", which is not written")
  }
  loss <- switch(class(fit)[1], elnet = "squared", lognet = "logistic", fishnet = "poisson", NULL)
  if (is.null(loss)) stop("undelete reads the families gaussian, binomial and poisson of glmnet, not ", class(fit)[1])
  offset <- if (is.null(fit$call$offset)) NULL else undelete_summand(fit$call$offset)
  if (!is.null(offset) && loss == "squared") stop("of family gaussian fit y less the offset, which gives the same coefficients")
  total <- if (is.null(weights)) fit$nobs else sum(weights)
  spread <- 1
  if (loss == "squared" && alpha < 1) {  # glmnet divides y by its deviation, and with it the ridge's part once too often
    if (is.null(y)) stop("of an elastic net of family gaussian give y too: its ridge's part is in units of y's deviation")
    spread <- sqrt(sum(share * (y - if (intercept) sum(share * y) else 0)^2))
  }
  beta <- as.matrix(coef(fit, s = s))[, 1]
  centred <- sweep(as.matrix(x), 2, colSums(share * as.matrix(x)))
  size <- if (standardize) sqrt(colSums(share * centred^2)) else rep(1, ncol(x))
  undelete_json(list(
    coef = unname(beta[-1]), intercept = if (intercept) unname(beta[1]) + if (is.null(offset)) 0 else offset$added, loss = loss,
    feature_names = names, offset = offset$terms,
    classes = if (loss == "logistic") fit$classnames, n = fit$nobs, weights = weights,
    l2 = c(total * s * (1 - alpha) * factor * size^2 / spread, if (intercept) 0),
    l1 = c(total * s * alpha * factor * size, if (intercept) 0)
  ), path)
}

# The coefficients of the raw columns' features that predict what the model does.
undelete_plain <- function(fit, path, parts) {
  offset <- undelete_offset(fit)
  weights <- fit$prior.weights
  if (is.null(weights)) weights <- fit$weights
  if (!is.null(weights)) weights <- as.vector(weights[weights > 0])
  if (!is.null(weights) && diff(range(weights)) == 0) weights <- NULL
  features <- undelete_features(fit)
  constant <- attr(terms(fit), "intercept") == 1
  if (!length(features)) stop("the formula has no column: a model of an intercept alone says nothing of a record but its response")
  F <- do.call(cbind, lapply(features, `[[`, "values"))
  if (constant) F <- cbind(1, F)
  eta <- undelete_predictions(fit)
  size <- sqrt(colMeans(F^2))
  size[size == 0] <- 1  # levels that never meet in an interaction
  solved <- qr(sweep(F, 2, size, "/"), tol = 1e-11)
  own <- qr.coef(solved, eta) / size
  own[is.na(own)] <- 0
  if (max(abs(F %*% own - eta)) > 1e-10 * max(abs(eta))) {
    stop("the terms are not those of the raw columns: an interaction without its main effects, or contrasts of fewer columns")
  }
  if (solved$rank < ncol(F)) {
    kept <- sort(solved$pivot[seq_len(solved$rank)])
  } else {
    kept <- seq_len(ncol(F))
  }
  names <- vapply(features, `[[`, "", "name")
  if (!is.null(offset) && offset$added != 0) {
    if (!constant) stop("the offset has a number added, and there is no intercept to hold it: make it a column of the table")
    own[1] <- own[1] + offset$added
  }
  coefficients <- if (constant) own[-1] else own
  kept <- if (constant) setdiff(kept, 1) - 1 else kept
  undelete_json(c(
    list(coef = coefficients[kept], intercept = if (constant) own[1], feature_names = names[kept], l2 = 0, n = if (is.null(weights)) nobs(fit) else length(weights),
         offset = offset$terms, weights = weights),
    parts
  ), path)
}

# The linear predictions, without the offset. fit$coefficients, for coef() of an aov leaves out those that are NA.
undelete_predictions <- function(fit) {
  design <- model.matrix(fit)
  beta <- fit$coefficients
  solved <- qr(sweep(design, 2, pmax(sqrt(colMeans(design^2)), 1e-300), "/"), tol = 1e-11)
  if (solved$rank < sum(!is.na(beta))) {
    many <- colnames(design)[solved$pivot[-seq_len(solved$rank)]]
    stop(
      "the others say what ", paste(many, collapse = ", "), " is, which glm did not see, as it looks for that less closely the ",
      "smaller its epsilon is: the coefficients are no optimum. Leave it out of the formula, or use epsilon = 1e-10"
    )
  }
  as.vector(design %*% ifelse(is.na(beta), 0, beta))
}

# The columns that the offset adds up, and a number beside them; NULL where there is none. log(e / 1000) is log(e) and a
# number, which the intercept takes.
undelete_offset <- function(fit) {
  if (is.null(fit$offset)) return(NULL)
  within <- as.list(attr(terms(fit), "variables"))[-1][attr(terms(fit), "offset")]
  parts <- lapply(within, function(call) undelete_summand(call[[2]]))
  if (!is.null(fit$call$offset)) parts <- c(parts, list(undelete_summand(fit$call$offset)))
  list(terms = unlist(lapply(parts, `[[`, "terms")), added = sum(vapply(parts, `[[`, 0, "added")))
}

undelete_summand <- function(call) {
  refuse <- function() {
    stop("the offset ", paste(deparse(call), collapse = ""), " is no column, logarithm of one, or sum of these: make it a column of the table, and write offset(column)")
  }
  if (is.numeric(call)) return(list(terms = NULL, added = call))
  if (is.name(call)) return(list(terms = as.character(call), added = 0))
  head <- paste(deparse(call[[1]]), collapse = "")
  if (head == "(") return(undelete_summand(call[[2]]))
  if (head == "$") return(undelete_summand(as.name(as.character(call[[3]]))))
  if (head == "[[" && is.character(call[[3]])) return(undelete_summand(as.name(call[[3]])))
  if (head == "+" && length(call) == 3) {
    both <- lapply(list(call[[2]], call[[3]]), undelete_summand)
    return(list(terms = c(both[[1]]$terms, both[[2]]$terms), added = both[[1]]$added + both[[2]]$added))
  }
  if (head != "log" || length(call) != 2) refuse()
  inside <- call[[2]]
  while (is.call(inside) && identical(inside[[1]], as.name("("))) inside <- inside[[2]]
  head <- if (is.call(inside)) paste(deparse(inside[[1]]), collapse = "") else ""
  scale <- 1
  if (head %in% c("/", "*") && is.numeric(inside[[3]])) {
    scale <- if (head == "/") 1 / inside[[3]] else inside[[3]]
    inside <- inside[[2]]
  } else if (head == "*" && is.numeric(inside[[2]])) {
    scale <- inside[[2]]
    inside <- inside[[3]]
  }
  own <- if (is.numeric(inside)) refuse() else undelete_summand(inside)
  if (length(own$terms) != 1 || own$added != 0 || grepl("(", own$terms, fixed = TRUE)) refuse()
  list(terms = paste0("log(", own$terms, ")"), added = log(scale))
}

# A list of features, each with its name in undelete's grammar and its values for the records of the fit.
undelete_features <- function(fit) {
  frame <- model.frame(fit)
  how <- attr(terms(fit), "factors")  # 2 where all levels of a factor are in a term
  if (attr(terms(fit), "intercept") == 0) {  # those of the first factor that stands alone then
    alone <- which(colSums(how > 0) == 1)
    kinds <- vapply(alone, function(one) is.numeric(frame[[undelete_bare(rownames(how)[how[, one] > 0])]]), TRUE)
    if (any(!kinds)) how[, alone[!kinds][1]] <- 2 * how[, alone[!kinds][1]]
  }
  found <- list()
  for (term in attr(terms(fit), "term.labels")) {
    made <- list(list(name = "", values = 1))
    for (variable in rownames(how)[how[, term] > 0]) {
      parts <- undelete_variable(variable, frame[[undelete_bare(variable)]], how[variable, term] == 2)
      made <- unlist(lapply(made, function(a) lapply(parts, function(b) {
        list(name = if (a$name == "") b$name else paste0(a$name, "*", b$name), values = a$values * b$values)
      })), recursive = FALSE)
    }
    found <- c(found, made)
  }
  found
}

# A term's label as the model frame has it: of a column whose name is no word, without the quotes.
undelete_bare <- function(label) if (is.name(str2lang(label))) gsub("`", "", label) else label

undelete_variable <- function(label, values, full) {
  call <- str2lang(label)
  bare <- function(one) gsub("`", "", paste(deparse(one), collapse = ""))
  levels_of <- function(name, cells) {
    cells <- as.factor(cells)
    lapply(if (full) levels(cells) else levels(cells)[-1], function(one) list(name = paste0(name, "=", one), values = as.numeric(cells == one)))
  }
  powers <- function(name, x, degree) {
    lapply(seq_len(degree), function(k) list(name = if (k == 1) name else paste0(name, "^", k), values = x^k))
  }
  if (is.name(call)) {
    if (is.numeric(values) && !is.matrix(values)) return(powers(bare(call), as.numeric(values), 1))
    return(levels_of(bare(call), values))
  }
  head <- paste(deparse(call[[1]]), collapse = "")
  if (head %in% c("factor", "as.factor", "ordered", "as.ordered", "relevel", "as.character", "C") && is.name(call[[2]])) return(levels_of(bare(call[[2]]), values))
  if (head == "poly" && is.name(call[[2]])) {
    fitted <- attr(values, "coefs")
    x <- if (is.null(fitted)) values[, 1] else values[, 1] * sqrt(fitted$norm2[3]) + fitted$alpha[1]
    return(powers(bare(call[[2]]), as.numeric(x), ncol(values)))
  }
  inner <- if (head == "I") call[[2]] else call
  head <- paste(deparse(inner[[1]]), collapse = "")
  if (head == "^" && is.name(inner[[2]]) && is.numeric(inner[[3]])) {
    return(list(list(name = paste0(bare(inner[[2]]), "^", inner[[3]]), values = as.numeric(values))))
  }
  if (head == "*" && is.name(inner[[2]]) && is.name(inner[[3]])) {
    return(list(list(name = paste0(bare(inner[[2]]), "*", bare(inner[[3]])), values = as.numeric(values))))
  }
  if (head == "scale" && is.name(inner[[2]]) && ncol(as.matrix(values)) == 1) {
    by <- c(attr(values, "scaled:scale"), 1)[1]
    return(powers(bare(inner[[2]]), as.numeric(values) * by + c(attr(values, "scaled:center"), 0)[1], 1))
  }
  if (head == "^" && is.call(inner[[2]]) && is.numeric(inner[[3]])) {
    base <- undelete_function(inner[[2]])
    if (!is.null(base)) return(list(list(name = paste0(base, "^", inner[[3]]), values = as.numeric(values))))
  }
  name <- undelete_function(inner)
  if (!is.null(name)) return(list(list(name = name, values = as.numeric(values))))
  unit <- undelete_unit(inner)
  if (!is.null(unit)) return(powers(unit$name, (as.numeric(values) - unit$added) / unit$times, 1))
  stop(label, " is a function of a column that has no name in undelete's grammar: make it a column of the table")
}

# A column in another unit, as x / 10 or x - 50: times x plus a number; NULL for anything else.
undelete_unit <- function(call) {
  if (is.name(call)) return(list(name = gsub("`", "", as.character(call)), times = 1, added = 0))
  head <- if (is.call(call)) as.character(call[[1]])[1] else ""
  if (head == "(") return(undelete_unit(call[[2]]))
  if (!head %in% c("+", "-", "*", "/") || length(call) != 3) return(NULL)
  number <- vapply(as.list(call)[-1], is.numeric, TRUE)
  if (sum(number) != 1 || (head == "/" && number[1])) return(NULL)
  by <- call[-1][number][[1]]
  unit <- undelete_unit(call[-1][!number][[1]])
  if (is.null(unit)) return(NULL)
  if (head == "-" && number[1]) unit[c("times", "added")] <- c(-unit$times, -unit$added)
  if (head == "-" && number[2]) by <- -by
  if (head == "/") by <- 1 / by
  if (head %in% c("+", "-")) unit$added <- unit$added + by else unit[c("times", "added")] <- c(unit$times * by, unit$added * by)
  unit
}

# The name in undelete's grammar of a function of one column; NULL where there is none.
undelete_function <- function(call) {
  head <- paste(deparse(call[[1]]), collapse = "")
  inside <- call[-1]
  if (head == "log" && length(inside) == 1 && is.call(inside[[1]]) && identical(inside[[1]][[1]], as.name("+"))) {
    added <- as.list(inside[[1]])[-1]
    one <- vapply(added, function(part) is.numeric(part) && part == 1, TRUE)
    if (length(added) == 2 && sum(one) == 1) {
      head <- "log1p"
      inside <- as.call(c(list(as.name("log1p")), added[!one]))[-1]
    }
  }
  if (length(inside) != 1 || !is.name(inside[[1]])) return(NULL)
  if (!head %in% c("log", "log2", "log10", "log1p", "exp", "sqrt", "abs")) return(NULL)
  paste0(head, "(", gsub("`", "", paste(deparse(inside[[1]]), collapse = "")), ")")
}

# JSON with all digits; NULL entries are left out.
undelete_json <- function(entries, path) {
  word <- function(x) paste0("\"", gsub("([\"\\\\])", "\\\\\\1", enc2utf8(as.character(x))), "\"")
  one <- function(x) {
    shown <- if (is.character(x)) word(x) else if (is.logical(x)) tolower(x) else format(x, digits = 17, trim = TRUE)
    shown
  }
  written <- function(key, x) {
    cells <- vapply(x, one, "")
    listed <- length(x) > 1 || key %in% c("coef", "feature_names")
    paste0(word(key), ": ", if (listed) paste0("[", paste(cells, collapse = ", "), "]") else cells)
  }
  entries <- entries[!vapply(entries, is.null, TRUE)]
  text <- paste0("{\n ", paste(mapply(written, names(entries), entries), collapse = ",\n "), "\n}\n")
  beside <- paste0(path, ".part")
  out <- file(beside, "wb")
  writeBin(charToRaw(enc2utf8(text)), out)
  close(out)
  invisible(file.rename(beside, path))
}
