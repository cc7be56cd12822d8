"""The bad-input matrix: every public function against input that is wrong, odd or at the edge.

``test_bad_input.py`` runs the rows; the mutation test uses them to catch a guard that was broken.
"""

import bad_input_bayes
import bad_input_calculus
import bad_input_conv
import bad_input_core
import bad_input_data
import bad_input_detection
import bad_input_distributions
import bad_input_gmm
import bad_input_information
import bad_input_kmeans
import bad_input_linalg
import bad_input_losses
import bad_input_lsa
import bad_input_neural
import bad_input_optimize
import bad_input_pca

ROWS = [
    *bad_input_bayes.ROWS,
    *bad_input_calculus.ROWS,
    *bad_input_conv.ROWS,
    *bad_input_core.ROWS,
    *bad_input_data.ROWS,
    *bad_input_detection.ROWS,
    *bad_input_distributions.ROWS,
    *bad_input_kmeans.ROWS,
    *bad_input_gmm.ROWS,
    *bad_input_information.ROWS,
    *bad_input_linalg.ROWS,
    *bad_input_losses.ROWS,
    *bad_input_lsa.ROWS,
    *bad_input_neural.ROWS,
    *bad_input_optimize.ROWS,
    *bad_input_pca.ROWS,
]
